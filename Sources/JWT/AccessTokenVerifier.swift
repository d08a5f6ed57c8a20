import Glibc
internal import OpenSSL

/// A token that was found good, and by which key: a cache must drop it when that key goes.
package struct VerifiedToken: Sendable, Equatable {
    package let claims: AccessTokenClaims
    package let keyID: String
}

/// The same without a copy of its claims: they are good until the verifier is used again.
package struct VerifiedTokenView {
    package let claims: AccessTokenClaimsView
    package let keyID: String
}

/// Verifies access tokens (RFC 9068 section 4, RFC 8725) against a fixed set of keys.
///
/// It holds OpenSSL contexts and a buffer to decode into, so that a token costs its signature and little else. Not
/// Sendable: each loop has its own, and makes a new one when the keys change.
package final class AccessTokenVerifier {
    private final class Entry {
        let key: TokenVerificationKey
        let verifier: SignatureVerifier

        init(_ key: TokenVerificationKey) throws(OpenSSLError) {
            self.key = key
            verifier = try key.makeVerifier()
        }
    }

    private let entries: [Entry]
    private let reader: ClaimsReader
    private let leewaySeconds: Int64
    /// Decoded signature and payload: three quarters of the longest token.
    private let scratch: UnsafeMutableRawBufferPointer

    /// `keys` in the order in which tokens are likely to name them. `leewaySeconds` is clamped to 0...30.
    package init(
        keys: [TokenVerificationKey], issuer: String, audience: String, leewaySeconds: Int64
    ) throws(TokenKeyError) {
        guard Set(keys.map(\.keyID)).count == keys.count else { throw .invalidKeyID }
        var entries: [Entry] = []
        for key in keys {
            do throws(OpenSSLError) { entries.append(try Entry(key)) } catch { throw .openSSL(error) }
        }
        self.entries = entries
        reader = ClaimsReader(issuer: .init(issuer), audience: .init(audience))
        let bounds = TokenLimits.leewaySeconds
        self.leewaySeconds = min(max(leewaySeconds, bounds.lowerBound), bounds.upperBound)
        scratch = .allocate(byteCount: TokenLimits.tokenBytes, alignment: 16)
    }

    deinit { scratch.deallocate() }

    /// The claims of `token`, if everything about it is right at `now` (seconds since 1970). The bytes can be anything.
    package func verify(_ token: UnsafeRawBufferPointer, now: Int64) throws(TokenError) -> VerifiedToken {
        let view = try view(of: token, now: now)
        return VerifiedToken(
            claims: view.claims.claims(issuer: reader.issuer.string, audience: reader.audience.string),
            keyID: view.keyID)
    }

    /// As `verify`. The view is to be let go of before the verifier is: it points into what that owns.
    package func view(of token: UnsafeRawBufferPointer, now: Int64) throws(TokenError) -> VerifiedTokenView {
        guard token.count <= TokenLimits.tokenBytes else { throw .oversized }
        guard let segments = JWSSegments(token) else { throw .malformed }
        let entry = try entry(forHeader: segments.header)
        guard let signature = decode(segments.signature, after: 0) else { throw .malformed }
        guard entry.verifier.isValid(signature, for: segments.signingInput) else { throw .badSignature }
        guard let payload = decode(segments.payload, after: signature.count) else { throw .malformed }
        let claims = try reader.read(payload)
        try checkTimes(from: claims.notBefore, until: claims.expiresAt, now: now)
        return VerifiedTokenView(claims: claims, keyID: entry.key.keyID)
    }

    package func verify(_ token: [UInt8], now: Int64) throws(TokenError) -> VerifiedToken {
        try token.span.bytes.withUnsafeBytes { token throws(TokenError) in try verify(token, now: now) }
    }

    /// "On or after" `exp` is too late, before `nbf` too early (RFC 7519 sections 4.1.4 and 4.1.5). Claims are
    /// clamped to their bounds, so that the sums cannot overflow.
    private func checkTimes(from notBefore: Int64, until expiresAt: Int64, now: Int64) throws(TokenError) {
        let bounds = TokenLimits.seconds
        guard now < min(expiresAt, bounds.upperBound) + leewaySeconds else { throw .expired }
        guard now >= max(notBefore, bounds.lowerBound) - leewaySeconds else { throw .notYetValid }
    }

    /// The key that the header names: by the bytes of our own headers, or by reading a header written otherwise.
    private func entry(forHeader segment: UnsafeRawBufferPointer) throws(TokenError) -> Entry {
        guard let base = segment.baseAddress else { throw .malformed }
        for entry in entries where entry.key.headerSegment.count == segment.count {
            if memcmp(base, entry.key.headerSegment, segment.count) == 0 { return entry }
        }
        guard let bytes = decode(segment, after: 0) else { throw .malformed }
        let header = try JOSEHeader(bytes)
        guard header.isOfAccessToken else { throw .wrongType }
        guard let entry = entries.first(where: { header.names($0.key) }) else { throw .unknownKey }
        guard header.suits(entry.key) else { throw .wrongAlgorithm }
        return entry
    }

    private func decode(_ segment: UnsafeRawBufferPointer, after start: Int) -> UnsafeRawBufferPointer? {
        let output = UnsafeMutableRawBufferPointer(rebasing: scratch[start...])
        guard let count = Base64URL.decode(segment, into: output) else { return nil }
        return UnsafeRawBufferPointer(rebasing: output[..<count])
    }
}
