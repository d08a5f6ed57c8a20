import JWT
import OpenSSL
import TestSupport
import Testing

@testable import Auth

@Suite struct RefreshTokenTests {
    let session = Identifier(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001)

    func make() throws -> (RefreshKeys, SessionSecret) {
        let key = try TestKeys.refreshKey(1)
        return (RefreshKeys(active: key, others: []), try SessionSecret.make(for: session, key: key))
    }

    @Test func `a token reads back and is proved by its session's secret`() throws {
        let (keys, secret) = try make()
        for counter in [UInt32(0), 1, 255, 256, .max] {
            let text = try RefreshToken.text(counter: counter, secret: secret)
            #expect(text.utf8.count == RefreshToken.textCount)
            let token = try RefreshToken(text, keys: keys)
            #expect(token.counter == counter)
            #expect(token.sessionID == session)
            #expect(try token.isProved(by: secret))
        }
    }

    @Test func `again gives the same bytes, also from the sealed secret and after the ring rotated`() throws {
        let (keys, secret) = try make()
        let text = try RefreshToken.text(counter: 7, secret: secret)
        #expect(try RefreshToken.text(counter: 7, secret: secret) == text)
        let rotated = RefreshKeys(active: try TestKeys.refreshKey(2), others: [keys.active])
        let opened = try #require(SessionSecret.open(secret.sealed, for: session, keys: rotated))
        #expect(try RefreshToken.text(counter: 7, secret: opened) == text)
        #expect(try RefreshToken(text, keys: rotated).isProved(by: opened))
        #expect(try RefreshToken.text(counter: 8, secret: secret) != text)
    }

    @Test func `any changed, missing or added character is refused before a store is asked`() throws {
        let (keys, secret) = try make()
        let text = Array(try RefreshToken.text(counter: 3, secret: secret).utf8)
        for index in text.indices {
            var changed = text
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: RefreshTokenError.self) {
                try RefreshToken(String(decoding: changed, as: UTF8.self), keys: keys)
            }
            #expect(throws: RefreshTokenError.malformed) {
                try RefreshToken(String(decoding: text[..<index], as: UTF8.self), keys: keys)
            }
        }
        for extra in ["A", "=", "\n", " "] {
            #expect(throws: RefreshTokenError.malformed) {
                try RefreshToken(String(decoding: text, as: UTF8.self) + extra, keys: keys)
            }
        }
    }

    @Test(arguments: [
        "", "x", String(repeating: "=", count: 124), String(repeating: "A", count: 124),
        String(repeating: "é", count: 62), String(repeating: "_", count: 100_000),
    ]) func `what was never a refresh token is malformed`(text: String) throws {
        let (keys, _) = try make()
        #expect(throws: RefreshTokenError.malformed) { try RefreshToken(text, keys: keys) }
    }

    @Test func `random bytes of the right length are refused`() throws {
        let (keys, _) = try make()
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var bytes = (0..<93).map { _ in UInt8.random(in: 0...255, using: &generator) }
            bytes[0] = 1
            if Bool.random(using: &generator) { bytes.replaceSubrange(1..<9, with: keys.active.id.bigEndianBytes) }
            let text = String(decoding: Base64URL.encode(bytes), as: UTF8.self)
            #expect(throws: RefreshTokenError.self) { try RefreshToken(text, keys: keys) }
        }
    }

    @Test func `a key that left the ring is unknown, one of the same id forges nothing`() throws {
        let (keys, secret) = try make()
        let text = try RefreshToken.text(counter: 0, secret: secret)
        let gone = RefreshKeys(active: try TestKeys.refreshKey(2), others: [])
        #expect(throws: RefreshTokenError.unknownKey) { try RefreshToken(text, keys: gone) }
        #expect(SessionSecret.open(secret.sealed, for: session, keys: gone) == nil)
        let other = RefreshKeys(active: try TestKeys.refreshKey(keys.active.id), others: [])
        #expect(throws: RefreshTokenError.forged) { try RefreshToken(text, keys: other) }
    }

    @Test func `a leaked fleet key forges no proof`() throws {
        let (keys, secret) = try make()
        // The attacker has the fleet key and makes a secret of their own for the same session.
        let forgery = try SessionSecret.make(for: session, key: keys.active)
        let token = try RefreshToken(try RefreshToken.text(counter: 1, secret: forgery), keys: keys)
        #expect(try !token.isProved(by: secret))
    }

    @Test func `no description shows what a token is made of`() throws {
        let (keys, secret) = try make()
        let text = try RefreshToken.text(counter: 0, secret: secret)
        let token = try RefreshToken(text, keys: keys)
        let tokens = SessionTokens(
            accessToken: Array("eyJ".utf8), refreshToken: text, expiresInSeconds: 1, session: session, user: session)
        let request = LoginRequest(username: "alice", password: "hunter2", address: ClientAddress(ipv4: 1))
        var shown = "\(token) \(String(reflecting: tokens)) \(tokens) \(request)"
        dump(token, to: &shown)
        dump(tokens, to: &shown)
        dump(request, to: &shown)
        #expect(!shown.contains(text) && !shown.contains("eyJ") && !shown.contains("hunter2"))
        #expect(!shown.contains("proof"))
    }

    @Test func `a sealed secret opens for its own session alone, and not when changed`() throws {
        let (keys, secret) = try make()
        let other = Identifier(high: session.high, low: session.low + 1)
        #expect(SessionSecret.open(secret.sealed, for: session, keys: keys) != nil)
        #expect(SessionSecret.open(secret.sealed, for: other, keys: keys) == nil)
        for index in secret.sealed.indices {
            var changed = secret.sealed
            changed[index] ^= 1
            #expect(SessionSecret.open(changed, for: session, keys: keys) == nil)
            #expect(SessionSecret.open(Array(secret.sealed[..<index]), for: session, keys: keys) == nil)
        }
    }
}
