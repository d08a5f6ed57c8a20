import JWT
package import OpenSSL

/// Why a refresh token is refused before any store is asked. Callers answer `invalid_grant` to all of them.
package enum RefreshTokenError: Error, Sendable, Equatable {
    /// Not the one spelling of the right number of bytes, or another version.
    case malformed
    /// No key of the ring has this id; the ring may be older than the token.
    case unknownKey
    /// The tag is wrong.
    case forged
}

/// `v | kid | sid | counter | proof | tag` as base64url: 93 bytes, 124 characters, one spelling for each.
///
/// `tag` is an HMAC with the fleet's key `kid` over all before it: a forged token costs no I/O. `proof` is an HMAC with
/// the session's own secret: whoever has a fleet key alone forges nothing.
package struct RefreshToken: Sendable, Equatable {
    /// Characters in the text.
    package static let textCount = 124

    private static let version: UInt8 = 1
    private static let taggedCount = 1 + 8 + 16 + 4 + HMACSHA256Key.tagByteCount
    private static let byteCount = taggedCount + HMACSHA256Key.tagByteCount

    package let sessionID: Identifier
    package let counter: UInt32
    private let keyID: UInt64
    private let proof: [UInt8]

    /// From what a client sent. A good tag says that we made it (or a leaked key did), not that it is current.
    package init(_ text: some StringProtocol, keys: RefreshKeys) throws(RefreshTokenError) {
        guard text.utf8.count == RefreshToken.textCount, let bytes = Base64URL.decode(Array(text.utf8)),
            bytes.count == RefreshToken.byteCount, bytes[0] == RefreshToken.version
        else { throw .malformed }
        keyID = UInt64(bigEndianBytes: bytes[1..<9])
        guard let key = keys[keyID] else { throw .unknownKey }
        let (tagged, tag) = (Array(bytes[..<RefreshToken.taggedCount]), Array(bytes[RefreshToken.taggedCount...]))
        guard key.tagging.isValid(tag, for: tagged) else { throw .forged }
        sessionID = Identifier(
            high: UInt64(bigEndianBytes: bytes[9..<17]), low: UInt64(bigEndianBytes: bytes[17..<25]))
        counter = UInt32(bigEndianBytes: bytes[25..<29])
        proof = Array(bytes[29..<RefreshToken.taggedCount])
    }

    /// Whether the session's own secret made it, under the session's own key.
    package func isProved(by secret: SessionSecret) -> Bool {
        keyID == secret.key.id && sessionID == secret.session && secret.isProof(proof, counter: counter)
    }

    /// The one token of `counter` in the session of `secret`.
    package static func text(counter: UInt32, secret: SessionSecret) throws(OpenSSLError) -> String {
        let tagged =
            try [version] + secret.key.id.bigEndianBytes + secret.session.bytes + counter.bigEndianBytes
            + secret.proof(counter: counter)
        let tag = try secret.key.tagging.authenticate(tagged)
        return String(decoding: Base64URL.encode(tagged + tag), as: UTF8.self)
    }
}
