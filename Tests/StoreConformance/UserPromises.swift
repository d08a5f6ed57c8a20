import Auth
import Testing

extension StoreContract {
    package static let users: [StorePromise] = [
        StorePromise("of 50 parallel callers one makes the first account, and nobody after them") {
            store async throws in
            let made = try await inParallel(50) { try await store.createFirst(Sample.newUser("admin-\($0)")) }
            #expect(made.count { $0 } == 1)
            #expect(try await store.createFirst(Sample.newUser("late")) == false)
        },
        StorePromise("where an account was made there is no first one any more") { store async throws in
            #expect(try await store.create(Sample.newUser("ada")))
            #expect(try await store.createFirst(Sample.newUser("admin")) == false)
        },
        StorePromise("of 200 parallel callers with one name one makes the account, and it is theirs") {
            store async throws in
            let made = try await inParallel(200) { _ in
                let user = try Sample.newUser("ada")
                return try await (user.id, store.create(user))
            }
            let winners = made.filter(\.1).map(\.0)
            #expect(winners.count == 1)
            let found = try await store.reserve(Sample.attempt("ada"), caps: AttemptCaps())
            #expect(found.user?.id == winners.first)
            for (id, isMade) in made { #expect(try await (store.user(id) != nil) == isMade) }
        },
        StorePromise("parallel callers with different names all get their account") { store async throws in
            let made = try await inParallel(100) { try await store.create(Sample.newUser("user-\($0)")) }
            #expect(made.allSatisfy { $0 })
        },
        StorePromise("an account is read back as it was made: enabled, version 1, roles in their order") {
            store async throws in
            let roles = (0..<32).map { "role:\(31 - $0)_x.y-z" }
            let new = try Sample.newUser("\u{e5}sa \u{1f511} o'hara; --", roles: roles, hash: "$argon2id$v=19$x")
            #expect(try await store.create(new))
            let user = try #require(try await store.user(new.id))
            #expect(user.username == new.username && user.createdAt == new.createdAt)
            #expect(user.roles.map(\.name) == roles && user.isEnabled && user.version == 1)
            let found = try await store.reserve(
                LoginAttempt(
                    username: new.username, nameKey: Sample.key("n"), deviceKey: nil, addressKey: Sample.key("a"),
                    at: Sample.start), caps: AttemptCaps())
            #expect(found.user == user && found.password?.hash == "$argon2id$v=19$x")
            #expect(try await store.user(Sample.identifier()) == nil)
        },
        StorePromise("a hash is replaced only while it is the one that was read, once, and keeps the version") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let replaced = try await inParallel(20) { index in
                try await store.replacePasswordHash(of: user.id, from: "$argon2id$sample", to: "$new$\(index)")
            }
            #expect(replaced.count { $0 } == 1)
            let found = try await store.reserve(Sample.attempt("ada"), caps: AttemptCaps())
            #expect(found.password?.hash.hasPrefix("$new$") == true)
            #expect(found.user == user)
            #expect(try await !store.replacePasswordHash(of: Sample.identifier(), from: "a", to: "b"))
        },
        StorePromise("disabling raises the version, ends every session and tells verifiers") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let told = try #require(try await store.setEnabled(false, of: user.id, at: Sample.at(1)))
            #expect(told.contains { $0.covers(user.id, version: user.version) })
            #expect(Set(try await store.load(at: Sample.at(1))) == Set(told))
            let disabled = try #require(try await store.user(user.id))
            #expect(!disabled.isEnabled && disabled.version > user.version)
            #expect(try await store.sessions(of: user.id).isEmpty)
            let refreshed = try await store.refresh(session.id, at: Sample.at(2)) { _ in .rotate(to: 1) }
            #expect(refreshed.granted == nil)
        },
        StorePromise("disabling again tells verifiers again; enabling never lowers the version") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let first = try await store.setEnabled(false, of: user.id, at: Sample.at(1))
            let second = try await store.setEnabled(false, of: user.id, at: Sample.at(2))
            #expect(first?.isEmpty == false && second?.isEmpty == false)
            let disabled = try #require(try await store.user(user.id))
            #expect(try await store.setEnabled(true, of: user.id, at: Sample.at(3)) == [])
            let enabled = try #require(try await store.user(user.id))
            #expect(enabled.isEnabled && enabled.version == disabled.version)
        },
        StorePromise("enabling or disabling nobody is nil and changes nothing") { store async throws in
            #expect(try await store.setEnabled(false, of: Sample.identifier(), at: Sample.start) == nil)
            #expect(try await store.load(at: Sample.start).isEmpty)
        },
    ]
}

extension Revocation {
    /// All access tokens of `user` made under `version` are refused by this entry, for as long as one may live.
    func covers(_ user: Identifier, version: Int64) -> Bool {
        guard case .user(user, let minimum, let until) = self else { return false }
        return minimum > version && until >= Sample.at(3600)
    }
}
