import Auth
import OpenSSL
import Passwords

/// The first account of an installation: `admin`, made once ever.
enum Bootstrap {
    /// Makes it if no account was ever made. Returns the password to show when it was made up here; nil otherwise.
    static func run(
        _ store: EmbeddedStore, password configured: String?, parameters: PasswordHashParameters, at now: UnixTime
    ) async throws(StartupError) -> String? {
        do {
            if try await store.hasEverHadUsers() { return nil }
            let password = try configured ?? makePassword()
            guard let name = Username("admin") else { return nil }
            let bytes = try PasswordPolicy().bytes(ofNew: password, username: name.text)
            let hash = try PasswordHash.hash(bytes.span.bytes, parameters: parameters)
            let admin = NewUser(
                id: try Identifier.make(at: now), username: name, roles: [Role.admin],
                password: StoredPassword(hash: hash),
                createdAt: now)
            let isMade = try await store.createFirst(admin)
            return isMade && configured == nil ? password : nil
        } catch let problem as PasswordProblem {
            throw StartupError(.configuration, "PORTCULLIS_ADMIN_PASSWORD \(description(of: problem))")
        } catch {
            throw StartupError(.unavailable, "The first account cannot be made: \(error)")
        }
    }

    /// 24 characters of 5 bits each, without those that are taken for one another.
    private static func makePassword() throws(OpenSSLError) -> String {
        let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)
        let characters = try SecureRandom.bytes(24).map { alphabet[Int($0 & 31)] }
        let groups = stride(from: 0, to: 24, by: 6).map { String(decoding: characters[$0..<($0 + 6)], as: UTF8.self) }
        return groups.joined(separator: "-")
    }

    private static func description(of problem: PasswordProblem) -> String {
        switch problem {
        case .tooShort(let minimum): "must have at least \(minimum) characters"
        case .tooLong(let maximum): "must have at most \(maximum) bytes"
        case .tooCommon: "is among the passwords that are tried first; choose another"
        }
    }
}
