import Auth
import Passwords

/// The first account of an installation: `admin`, made once ever.
enum Bootstrap {
    static let username = "admin"

    /// Makes it if no account was ever made. Returns the password to show when it was made up here; nil otherwise.
    static func run(
        _ store: any UserStore, password configured: String?, parameters: PasswordHashParameters,
        policy: PasswordPolicy, at now: UnixTime
    ) async throws(StartupError) -> String? {
        do {
            if try await store.hasEverHadUsers() { return nil }
            let password = try configured ?? MadePassword.make()
            guard let name = Username(username) else { return nil }
            // What is made up here is long enough whatever people are asked for.
            let bytes =
                configured == nil ? Array(password.utf8) : try policy.bytes(ofNew: password, username: name.text)
            let hash = try PasswordHash.hash(bytes.span.bytes, parameters: parameters)
            let admin = NewUser(
                id: try Identifier.make(at: now), username: name, roles: [Role.admin],
                password: StoredPassword(hash: hash),
                createdAt: now)
            let isMade = try await store.createFirst(admin)
            return isMade && configured == nil ? password : nil
        } catch let problem as PasswordProblem {
            throw StartupError(.configuration, "PORTCULLIS_ADMIN_PASSWORD \(problem.requirement)")
        } catch {
            throw StartupError(.unavailable, "The first account cannot be made: \(error)")
        }
    }
}
