internal import JSON
internal import OpenSSL

/// The public keys as a JWK Set (RFC 7517), for `/.well-known/jwks.json`.
package enum JWKS {
    /// Only public keys are in it, ordered by `kid`, so that the same keys give the same bytes: HS256 keys are secrets
    /// and left out.
    package static func document(_ keys: [TokenVerificationKey]) throws(TokenKeyError) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.beginObject()
        writer.key("keys")
        writer.beginArray()
        for key in keys.sorted(by: { $0.keyID < $1.keyID }) {
            guard case .publicKey(let publicKey) = key.material else { continue }
            let components: PublicKey.Components
            do throws(OpenSSLError) { components = try publicKey.components() } catch { throw .openSSL(error) }
            writer.beginObject()
            for (name, value) in members(of: components) {
                writer.key(name)
                writer.string(value)
            }
            writer.key("use")
            writer.string("sig")
            writer.key("alg")
            writer.string(key.algorithm.rawValue)
            writer.key("kid")
            writer.string(key.keyID)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// RFC 7518 section 6, RFC 8037 section 2.
    private static func members(of components: PublicKey.Components) -> [(String, String)] {
        func text(_ bytes: [UInt8]) -> String { String(decoding: Base64URL.encode(bytes), as: UTF8.self) }
        return switch components {
        case .rsa(let modulus, let exponent): [("kty", "RSA"), ("n", text(modulus)), ("e", text(exponent))]
        case .p256(let x, let y): [("kty", "EC"), ("crv", "P-256"), ("x", text(x)), ("y", text(y))]
        case .ed25519(let x): [("kty", "OKP"), ("crv", "Ed25519"), ("x", text(x))]
        }
    }
}
