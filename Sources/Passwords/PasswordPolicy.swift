/// Why a new password is refused. Carries nothing of the password.
package enum PasswordProblem: Error, Sendable, Equatable {
    case tooShort(minimum: Int)
    case tooLong(maximumBytes: Int)
    /// Commonly used, or made of the account's or the service's name.
    case tooCommon
}

/// What a password may be (NIST SP 800-63B-4 section 3.1.1.2): length and a blocklist, no composition rules.
package struct PasswordPolicy: Sendable {
    /// Nobody may set a lower minimum.
    package static let floor = 8
    /// Of UTF-8, as sent, checked before anything else looks at the bytes: on login too.
    package static let maximumBytes = 1024

    /// In code points, each counted as one character.
    package let minimumCharacters: Int

    /// A minimum below the floor is raised to it.
    package init(minimumCharacters: Int = 15) {
        self.minimumCharacters = max(PasswordPolicy.floor, minimumCharacters)
    }

    /// What is hashed and compared: exactly what was sent, after one NFC normalization. Nil when it is too long. NFC
    /// can at most triple the bytes.
    package static func bytes(of password: String) -> [UInt8]? {
        guard password.utf8.count <= maximumBytes else { return nil }
        return Array(UnicodeText.normalized(password).utf8)
    }

    /// The bytes to hash of a new password of an account named `username`.
    package func bytes(ofNew password: String, username: String) throws(PasswordProblem) -> [UInt8] {
        guard let bytes = PasswordPolicy.bytes(of: password) else {
            throw .tooLong(maximumBytes: PasswordPolicy.maximumBytes)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.unicodeScalars.count >= minimumCharacters else { throw .tooShort(minimum: minimumCharacters) }
        guard !PasswordBlocklist.contains(text, username: username) else { throw .tooCommon }
        return bytes
    }
}
