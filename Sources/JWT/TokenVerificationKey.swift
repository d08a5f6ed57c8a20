internal import JSON
package import OpenSSL

/// What verifies the tokens of one key: its id, the one algorithm it is bound to, and the key.
package struct TokenVerificationKey: Sendable {
    enum Material: Sendable {
        case publicKey(PublicKey)
        case secret(SecretBytes)
    }

    package let keyID: String
    package let algorithm: SigningAlgorithm
    let material: Material
    /// The first segment of every token that we sign with this key: seeing it saves reading the header.
    let headerSegment: [UInt8]

    package init(keyID: String, algorithm: SigningAlgorithm, publicKey: PublicKey) throws(TokenKeyError) {
        guard algorithm.keyKind == publicKey.kind else { throw .unsuitableMaterial }
        try self.init(keyID: keyID, algorithm: algorithm, material: .publicKey(publicKey))
    }

    /// For HS256; `secret` has 32 bytes at least.
    package init(keyID: String, secret: SecretBytes) throws(TokenKeyError) {
        guard secret.count >= HMACSHA256Key.tagByteCount else { throw .unsuitableMaterial }
        try self.init(keyID: keyID, algorithm: .hs256, material: .secret(secret))
    }

    private init(keyID: String, algorithm: SigningAlgorithm, material: Material) throws(TokenKeyError) {
        guard TokenVerificationKey.isValidKeyID(keyID) else { throw .invalidKeyID }
        self.keyID = keyID
        self.algorithm = algorithm
        self.material = material
        var header = JSONWriter(reservingCapacity: 128)
        header.beginObject()
        header.key("alg")
        header.string(algorithm.rawValue)
        header.key("kid")
        header.string(keyID)
        header.key("typ")
        header.string("at+jwt")
        header.endObject()
        headerSegment = Base64URL.encode(header.bytes)
    }

    func makeVerifier() throws(OpenSSLError) -> SignatureVerifier {
        switch material {
        case .publicKey(let key): try SignatureVerifier(key)
        case .secret(let secret): try SignatureVerifier(hmacSecret: secret)
        }
    }

    private static func isValidKeyID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
