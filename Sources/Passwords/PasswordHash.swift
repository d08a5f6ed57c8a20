import CSodium
import Glibc

/// Why a password could not be hashed or compared. Says nothing about the password.
package enum PasswordHashError: Error, Sendable, Equatable {
    /// libsodium did not initialise or could not get its memory.
    case unavailable
    /// The stored text is not an argon2id PHC string.
    case malformed
    /// The stored text asks for more than `PasswordHashBounds` allows.
    case outOfBounds
}

/// argon2id (RFC 9106) over libsodium. Each call takes 10 to 20 ms of a core and 19 MiB by default: never on a loop.
package enum PasswordHash {
    /// A PHC string with a fresh random salt.
    package static func hash(
        _ password: RawSpan, parameters: PasswordHashParameters = .standard
    ) throws(PasswordHashError) -> String {
        guard isReady else { throw .unavailable }
        var text = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let status = withCharacters(of: password) { characters, count in
            crypto_pwhash_argon2id_str(
                &text, characters, count, UInt64(parameters.iterations), Int(parameters.memoryKiB) * 1024)
        }
        guard status == 0 else { throw .unavailable }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether `password` made the stored `phc`. The compare is constant-time; the cost is the stored hash's own, and
    /// bounded.
    package static func isMatch(
        _ password: RawSpan, phc: String, bounds: PasswordHashBounds = .standard
    ) throws(PasswordHashError) -> Bool {
        guard isReady else { throw .unavailable }
        guard let stored = PHCString(phc) else { throw .malformed }
        guard bounds.accepts(memoryKiB: stored.memoryKiB, iterations: stored.iterations, lanes: stored.lanes) else {
            throw .outOfBounds
        }
        // libsodium tells a mismatch from a failure (no memory) only by errno.
        let (status, reason) = withCharacters(of: password) { characters, count in
            errno = 0
            let status = crypto_pwhash_argon2id_str_verify(phc, characters, count)
            return (status, errno)
        }
        if status == 0 { return true }
        guard reason == EINVAL else { throw .unavailable }
        return false
    }

    /// Whether a login should store a new hash: the parameters grew since, or the stored text is none of ours.
    package static func needsRehash(_ phc: String, parameters: PasswordHashParameters = .standard) -> Bool {
        guard let stored = PHCString(phc) else { return true }
        return stored.memoryKiB < parameters.memoryKiB || stored.iterations < parameters.iterations
    }

    /// A PHC string that costs what a real one costs and that no password is known to match: salt and hash are random.
    package static func dummy(parameters: PasswordHashParameters = .standard) throws(PasswordHashError) -> String {
        guard isReady else { throw .unavailable }
        var random = [UInt8](repeating: 0, count: 48)
        randombytes_buf(&random, random.count)
        let salt = PHCString.base64(Array(random[0..<16]))
        let hash = PHCString.base64(Array(random[16..<48]))
        return "$argon2id$v=19$m=\(parameters.memoryKiB),t=\(parameters.iterations),p=1$\(salt)$\(hash)"
    }

    /// `sodium_init`, once in a process: it picks the fastest implementation and opens the random source.
    private static let isReady = sodium_init() >= 0

    /// libsodium wants a pointer even for an empty password.
    private static func withCharacters<Result>(
        of password: RawSpan, _ body: (UnsafePointer<CChar>, UInt64) -> Result
    ) -> Result {
        password.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, bytes.count > 0 else {
                var nothing: CChar = 0
                return body(&nothing, 0)
            }
            return body(base.assumingMemoryBound(to: CChar.self), UInt64(bytes.count))
        }
    }
}
