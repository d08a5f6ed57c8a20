/// A claim of a token as it was read: in place, without a copy, unless it was written with escapes. Good as long as the
/// bytes that it was read from.
package struct ClaimText {
    private let bytes: UnsafeRawBufferPointer
    private let unescaped: String?

    init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        unescaped = nil
    }

    init(unescaped: String) {
        bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        self.unescaped = unescaped
    }

    static var empty: ClaimText { ClaimText(bytes: UnsafeRawBufferPointer(start: nil, count: 0)) }

    package var string: String { unescaped ?? String(decoding: bytes, as: UTF8.self) }

    /// The claim in UTF-8.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard var unescaped else { return body(bytes) }
        return unescaped.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}

/// What `AccessTokenClaims` tells, before anything is copied: `iss` and `aud` were compared and are not handed on.
package struct AccessTokenClaimsView {
    package internal(set) var subject = ClaimText.empty
    package internal(set) var tokenID = ClaimText.empty
    package internal(set) var sessionID = ClaimText.empty
    package internal(set) var clientID = ClaimText.empty
    /// In the token's order, joined by commas, which no role has.
    package internal(set) var roles: [UInt8] = []
    package internal(set) var issuedAt: Int64 = 0
    package internal(set) var notBefore: Int64 = 0
    package internal(set) var expiresAt: Int64 = 0
    package internal(set) var authTime: Int64 = 0
    package internal(set) var userVersion: Int64 = 0
    package internal(set) var generation: Int64 = 0

    /// A copy that lasts.
    func claims(issuer: String, audience: String) -> AccessTokenClaims {
        AccessTokenClaims(
            issuer: issuer, audience: audience, subject: subject.string, tokenID: tokenID.string,
            sessionID: sessionID.string, clientID: clientID.string,
            roles: roles.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) },
            issuedAt: issuedAt, notBefore: notBefore, expiresAt: expiresAt, authTime: authTime,
            userVersion: userVersion, generation: generation)
    }
}
