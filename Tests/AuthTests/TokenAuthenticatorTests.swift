import JWT
import OpenSSL
import Testing

@testable import Auth

@Suite struct SipHashTests {
    @Test func `the reference vectors of SipHash-2-4 hold`() {
        let hash = SipHash(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
        func value(_ count: UInt8) -> UInt64 { Array(0..<count).withUnsafeBytes { hash.hash($0) } }
        #expect(value(0) == 0x726F_DB47_DD0E_0E31)
        #expect(value(1) == 0x74F8_39C5_93DC_67FD)
        #expect(value(8) == 0x93F5_F579_9A93_2462)
        #expect(value(15) == 0xA129_CA61_49BE_45E5)
        #expect(value(63) == 0x958A_324C_EB06_4572)
    }
}

@Suite struct TokenAuthenticatorTests {
    let now = testStart.seconds

    /// What a server would keep with a token.
    final class Prepared {}

    /// An authenticator and what issues for it.
    struct Rig {
        let key: TokenSigningKey
        let authenticator: TokenAuthenticator

        init(leeway: Int64 = 0, limits: TokenCacheLimits = TokenCacheLimits()) throws {
            key = try TokenSigningKey.generate(.es256)
            authenticator = try TokenAuthenticator(
                keys: [key.verificationKey], revocations: RevocationSet(), issuer: "https://issuer", audience: "api",
                leewaySeconds: leeway, limits: limits)
        }

        func claims(_ number: UInt64 = 1, roles: [String] = ["admin", "user"]) -> AccessTokenClaims {
            let id = { (kind: UInt64) in Identifier(high: 0x7000 + kind, low: number).description }
            let start = testStart.seconds
            return AccessTokenClaims(
                issuer: "https://issuer", audience: "api", subject: id(1), tokenID: id(2), sessionID: id(3),
                clientID: "portcullis", roles: roles, issuedAt: start, notBefore: start - 5, expiresAt: start + 900,
                authTime: start, userVersion: 1, generation: 0)
        }

        func authenticate(_ token: [UInt8], at now: Int64 = testStart.seconds) throws(AuthenticationError)
            -> AccessToken
        {
            try token.span.bytes.withUnsafeBytes { bytes throws(AuthenticationError) in
                try authenticator.authenticate(bytes, now: now)
            }
        }
    }

    func error(_ rig: Rig, _ token: [UInt8], at now: Int64 = testStart.seconds) -> AuthenticationError? {
        do throws(AuthenticationError) {
            _ = try rig.authenticate(token, at: now)
            return nil
        } catch { return error }
    }

    @Test func `a token is verified once and then found`() throws {
        let rig = try Rig()
        let token = try rig.key.sign(rig.claims())
        let first = try rig.authenticate(token)
        let prepared = Prepared()
        first.attachment = prepared
        #expect(first.subject.user == Identifier(high: 0x7001, low: 1))
        #expect(String(decoding: first.roles, as: UTF8.self) == "admin,user")
        let second = try rig.authenticate(Array(token))
        #expect(second === first)
        #expect(second.attachment === prepared)
        #expect(rig.authenticator.hits == 1)
        #expect(rig.authenticator.misses == 1)
    }

    @Test func `roles are found whole`() throws {
        let rig = try Rig()
        let token = try rig.authenticate(try rig.key.sign(rig.claims(roles: ["admin", "a", "ops.read"])))
        func has(_ name: String) -> Bool { Array(name.utf8).withUnsafeBytes { token.hasRole($0) } }
        #expect(has("admin") && has("a") && has("ops.read"))
        #expect(!has("") && !has("adm") && !has("min") && !has("ops") && !has("admin,a") && !has("ops.reader"))
        let none = try rig.authenticate(try rig.key.sign(rig.claims(2, roles: [])))
        #expect(!Array("admin".utf8).withUnsafeBytes { none.hasRole($0) })
    }

    @Test func `expiry and not-before are checked on every hit`() throws {
        let rig = try Rig()
        let token = try rig.key.sign(rig.claims())
        #expect(error(rig, token) == nil)
        #expect(error(rig, token, at: now + 899) == nil)
        #expect(error(rig, token, at: now + 900) == .invalid(.expired))
        #expect(rig.authenticator.cachedCount == 0)
        #expect(error(rig, token, at: now - 5) == nil)
        #expect(error(rig, token, at: now - 6) == .invalid(.notYetValid))
        #expect(error(rig, token, at: .min) == .invalid(.notYetValid))
        #expect(error(rig, token, at: .max) == .invalid(.expired))
    }

    @Test func `the leeway is the same on a hit as on a miss`() throws {
        let rig = try Rig(leeway: 30)
        let token = try rig.key.sign(rig.claims())
        for moment in [now - 36, now - 35, now + 929, now + 930] {
            let fresh = try Rig(leeway: 30)
            let other = try fresh.key.sign(fresh.claims())
            _ = error(rig, token)
            #expect(error(rig, token, at: moment) == error(fresh, other, at: moment))
        }
    }

    @Test func `revocations are checked on every hit`() throws {
        let rig = try Rig()
        let until = testStart.adding(seconds: 3700)
        let subject = try rig.authenticate(try rig.key.sign(rig.claims(1))).subject
        let cases: [Revocation] = [
            .token(subject.token, user: subject.user, until: until),
            .session(subject.session, user: subject.user, until: until),
            .user(subject.user, minimumVersion: 2, until: until), .generation(1),
        ]
        for revocation in cases {
            let rig = try Rig()
            let token = try rig.key.sign(rig.claims(1))
            let other = try rig.key.sign(rig.claims(2))
            #expect(error(rig, token) == nil)
            #expect(error(rig, other) == nil)
            rig.authenticator.update(revocations: RevocationSet().applying([revocation]))
            #expect(error(rig, token) == .revoked(subject))
            #expect(error(rig, token) == .revoked(subject))
            if case .generation = revocation { continue }
            #expect(error(rig, other) == nil)
        }
    }

    @Test func `a token of a key that went is refused though it was cached`() throws {
        let rig = try Rig()
        let token = try rig.key.sign(rig.claims())
        #expect(error(rig, token) == nil)
        let next = try TokenSigningKey.generate(.es256)
        try rig.authenticator.update(keys: [next.verificationKey, rig.key.verificationKey])
        #expect(error(rig, token) == nil)
        try rig.authenticator.update(keys: [next.verificationKey])
        #expect(error(rig, token) == .invalid(.unknownKey))
        #expect(error(rig, try next.sign(rig.claims())) == nil)
    }

    @Test func `every single changed byte of a cached token is refused`() throws {
        let rig = try Rig()
        let token = try rig.key.sign(rig.claims())
        #expect(error(rig, token) == nil)
        for index in token.indices {
            var changed = token
            changed[index] ^= 1
            #expect(error(rig, changed) != nil)
            #expect(error(rig, Array(token[..<index])) != nil)
        }
        #expect(error(rig, token + [UInt8(ascii: "A")]) != nil)
        #expect(error(rig, token) == nil)
        #expect(rig.authenticator.cachedCount == 1)
    }

    @Test func `an alien token with the same last bytes does not pass for the cached one`() throws {
        let rig = try Rig()
        let token = try rig.key.sign(rig.claims())
        #expect(error(rig, token) == nil)
        let forged = [UInt8](repeating: UInt8(ascii: "A"), count: token.count - 64) + token.suffix(64)
        #expect(error(rig, forged) != nil)
    }

    @Test func `ids that are none of ours are refused`() throws {
        let rig = try Rig()
        var claims = rig.claims()
        claims.subject = "alice"
        #expect(error(rig, try rig.key.sign(claims)) == .invalid(.invalidClaims))
        #expect(error(rig, []) == .invalid(.malformed))
        #expect(error(rig, Array("a.b.c".utf8)) != nil)
    }

    @Test func `the cache keeps to its entries and its bytes`() throws {
        let rig = try Rig(limits: TokenCacheLimits(entries: 16, bytes: 1 << 20))
        for number in 0..<200 { #expect(error(rig, try rig.key.sign(rig.claims(UInt64(number)))) == nil) }
        #expect(rig.authenticator.cachedCount <= 16)
        #expect(rig.authenticator.evictions >= 184)

        let narrow = try Rig(limits: TokenCacheLimits(entries: 1024, bytes: 5_000))
        for number in 0..<50 { #expect(error(narrow, try narrow.key.sign(narrow.claims(UInt64(number)))) == nil) }
        #expect((1...4).contains(narrow.authenticator.cachedCount))

        let none = try Rig(limits: TokenCacheLimits(entries: 0, bytes: 0))
        let token = try none.key.sign(none.claims())
        #expect(error(none, token) == nil)
        #expect(error(none, token) == nil)
        #expect(none.authenticator.cachedCount == 0)
    }

    @Test func `a token in constant use outlives a flood of others`() throws {
        let rig = try Rig(limits: TokenCacheLimits(entries: 64, bytes: 1 << 20))
        let hot = try rig.key.sign(rig.claims(0))
        var last = try rig.authenticate(hot)
        var kept = 0
        for number in 1...200 {
            _ = try rig.authenticate(try rig.key.sign(rig.claims(UInt64(number))))
            let found = try rig.authenticate(hot)
            if found === last { kept += 1 }
            last = found
        }
        #expect(kept > 150)
    }
}
