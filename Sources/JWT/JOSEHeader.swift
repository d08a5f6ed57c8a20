internal import JSON

/// The members of a JOSE header that we use (RFC 7515 section 4), read from a header that is not one of our own
/// byte for byte.
struct JOSEHeader {
    var algorithm: String?
    var keyID: String?
    var type: String?

    /// Members that could bring a key of the sender's choice or change what is signed. `crit` is refused whatever it
    /// lists, for we implement no extension (RFC 7515 section 4.1.11); `b64` would need it (RFC 7797).
    static let forbidden: [StaticString] = ["crit", "b64", "jku", "jwk", "x5u", "x5c"]

    init(_ bytes: UnsafeRawBufferPointer) throws(TokenError) {
        var isForbidden = false
        do throws(JSONError) {
            var scanner = JSONScanner(bytes)
            try scanner.beginObject()
            while let name = try scanner.nextMember() {
                switch name {
                case "alg": algorithm = try scanner.string().string
                case "kid": keyID = try scanner.string().string
                case "typ": type = try scanner.string().string
                default: if JOSEHeader.forbidden.contains(where: { name == $0 }) { isForbidden = true }
                }
            }
            try scanner.finish()
        } catch {
            throw .malformed
        }
        guard !isForbidden else { throw .forbiddenHeader }
    }

    /// Whether `kid` is this one, byte for byte: Swift's own comparison takes the Kelvin sign for a K.
    func names(_ key: TokenVerificationKey) -> Bool {
        keyID.map { $0.utf8.elementsEqual(key.keyID.utf8) } ?? false
    }

    /// Whether `alg` is the one that the key is bound to.
    func suits(_ key: TokenVerificationKey) -> Bool {
        algorithm.map { $0.utf8.elementsEqual(key.algorithm.rawValue.utf8) } ?? false
    }

    /// `at+jwt`, with or without `application/`, in any case (RFC 9068 section 4, RFC 7515 section 4.1.9).
    var isOfAccessToken: Bool {
        guard let type else { return false }
        let lowered = type.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        return lowered.elementsEqual("at+jwt".utf8) || lowered.elementsEqual("application/at+jwt".utf8)
    }
}
