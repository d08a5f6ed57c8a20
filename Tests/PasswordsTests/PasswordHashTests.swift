import Testing

@testable import Passwords

@Suite struct PasswordHashTests {
    /// Cheap enough for a test that makes many.
    let cheap = PasswordHashParameters(memoryKiB: 64, iterations: 1)!

    func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `a hash matches its password and no other`() throws {
        let phc = try PasswordHash.hash(bytes("correct horse").span.bytes, parameters: cheap)
        #expect(try PasswordHash.isMatch(bytes("correct horse").span.bytes, phc: phc))
        #expect(try !PasswordHash.isMatch(bytes("correct horsf").span.bytes, phc: phc))
        #expect(try !PasswordHash.isMatch(bytes("").span.bytes, phc: phc))
        #expect(try !PasswordHash.isMatch(bytes("correct horse\0").span.bytes, phc: phc))
    }

    @Test func `an empty password and one with NULs hash like any other`() throws {
        let empty = try PasswordHash.hash([UInt8]().span.bytes, parameters: cheap)
        #expect(try PasswordHash.isMatch([UInt8]().span.bytes, phc: empty))
        let nul = try PasswordHash.hash([UInt8(0), 1].span.bytes, parameters: cheap)
        #expect(try !PasswordHash.isMatch([UInt8(0), 2].span.bytes, phc: nul))
        #expect(try PasswordHash.isMatch([UInt8(0), 1].span.bytes, phc: nul))
    }

    @Test func `the default is argon2id, 19 MiB, two passes, one lane`() throws {
        let phc = try PasswordHash.hash(bytes("a long enough password").span.bytes)
        #expect(phc.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
        #expect(try PasswordHash.isMatch(bytes("a long enough password").span.bytes, phc: phc))
    }

    @Test func `a hash of the reference implementation matches (RFC 9106)`() throws {
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        #expect(try PasswordHash.isMatch(bytes("password").span.bytes, phc: phc))
        #expect(try !PasswordHash.isMatch(bytes("Password").span.bytes, phc: phc))
    }

    @Test func `two hashes of one password differ`() throws {
        let password = bytes("same")
        #expect(
            try PasswordHash.hash(password.span.bytes, parameters: cheap)
                != PasswordHash.hash(password.span.bytes, parameters: cheap))
    }

    @Test(arguments: [
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=4294967295,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=2,p=16777215$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=262144,t=5,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=8,t=2,p=4$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ]) func `a stored hash that asks for too much is refused before it is computed`(phc: String) {
        #expect(throws: PasswordHashError.outOfBounds) { try PasswordHash.isMatch(bytes("x").span.bytes, phc: phc) }
    }

    @Test(arguments: [
        "", "$", "$$$$$", "plain", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=99999999999999999999,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=4294967296,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=-64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=064,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$t=1,m=64,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=1$$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$", "$argon2id$v=19$m=64,t=1,p=1$c29t!XNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc$",
        String(repeating: "$", count: 200),
    ]) func `what is not an argon2id PHC string is refused`(phc: String) {
        #expect(throws: PasswordHashError.malformed) { try PasswordHash.isMatch(bytes("x").span.bytes, phc: phc) }
        #expect(PasswordHash.needsRehash(phc))
    }

    @Test func `a rehash is wanted when parameters grew, not when they shrank`() throws {
        let phc = try PasswordHash.hash(bytes("x").span.bytes, parameters: cheap)
        #expect(!PasswordHash.needsRehash(phc, parameters: cheap))
        #expect(PasswordHash.needsRehash(phc, parameters: PasswordHashParameters(memoryKiB: 65, iterations: 1)!))
        #expect(PasswordHash.needsRehash(phc, parameters: PasswordHashParameters(memoryKiB: 64, iterations: 2)!))
        #expect(!PasswordHash.needsRehash(phc, parameters: PasswordHashParameters(memoryKiB: 32, iterations: 1)!))
    }

    @Test func `the dummy is well-formed, costs the same parameters and matches nothing`() throws {
        let dummy = try PasswordHash.dummy(parameters: cheap)
        #expect(dummy.hasPrefix("$argon2id$v=19$m=64,t=1,p=1$"))
        #expect(try !PasswordHash.isMatch(bytes("").span.bytes, phc: dummy))
        #expect(try !PasswordHash.isMatch(bytes("password").span.bytes, phc: dummy))
        #expect(!PasswordHash.needsRehash(dummy, parameters: cheap))
    }

    @Test func `parameters that we would not verify cannot be made`() {
        #expect(PasswordHashParameters(memoryKiB: 4, iterations: 1) == nil)
        #expect(PasswordHashParameters(memoryKiB: 64, iterations: 0) == nil)
        #expect(PasswordHashParameters(memoryKiB: .max, iterations: 1) == nil)
    }
}
