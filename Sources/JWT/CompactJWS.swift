import Glibc
internal import OpenSSL

/// The three segments of a compact JWS (RFC 7515 section 7.1), not decoded yet. They point into the token.
struct JWSSegments {
    let header: UnsafeRawBufferPointer
    let payload: UnsafeRawBufferPointer
    let signature: UnsafeRawBufferPointer
    /// Header and payload with the dot between them: what is signed.
    let signingInput: UnsafeRawBufferPointer

    /// Splits at the first two dots. A third one stays in the signature, where no alphabet has it.
    init?(_ token: UnsafeRawBufferPointer) {
        guard let first = JWSSegments.dot(in: token, from: 0),
            let second = JWSSegments.dot(in: token, from: first + 1)
        else { return nil }
        header = UnsafeRawBufferPointer(rebasing: token[..<first])
        payload = UnsafeRawBufferPointer(rebasing: token[(first + 1)..<second])
        signature = UnsafeRawBufferPointer(rebasing: token[(second + 1)...])
        signingInput = UnsafeRawBufferPointer(rebasing: token[..<second])
    }

    private static func dot(in token: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = token.baseAddress, start < token.count else { return nil }
        guard let found = memchr(base + start, Int32(UInt8(ascii: ".")), token.count - start) else { return nil }
        return UnsafeRawPointer(found) - base
    }
}

/// Compact JWS without the profile of access tokens.
package enum CompactJWS {
    /// The payload of `token` if `key` signed it: `alg` must be the key's, `kid` its id or absent, and nothing else in
    /// the header may choose a key. The payload can be anything; nothing is said about its claims.
    package static func payload(
        of token: [UInt8], verifiedWith key: TokenVerificationKey
    ) throws(TokenError) -> [UInt8] {
        guard token.count <= TokenLimits.tokenBytes else { throw .oversized }
        return try token.span.bytes.withUnsafeBytes { token throws(TokenError) in
            guard let segments = JWSSegments(token),
                let headerBytes = Base64URL.decode(segments.header.bytes),
                let payload = Base64URL.decode(segments.payload.bytes),
                let signature = Base64URL.decode(segments.signature.bytes)
            else { throw .malformed }
            let header = try headerBytes.span.bytes.withUnsafeBytes { bytes throws(TokenError) in try JOSEHeader(bytes)
            }
            guard header.keyID == nil || header.names(key) else { throw .unknownKey }
            guard header.suits(key) else { throw .wrongAlgorithm }
            let verifier: SignatureVerifier
            do throws(OpenSSLError) { verifier = try key.makeVerifier() } catch { throw .badSignature }
            guard verifier.isValid(signature.span.bytes, for: segments.signingInput.bytes) else { throw .badSignature }
            return payload
        }
    }
}
