import Auth
import Testing

extension StoreContract {
    package static let passwords: [StorePromise] = changing + oneTime

    private static let changing: [StorePromise] = [
        StorePromise("a changed password raises the version, ends every other session and rotates the one that asked") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            var session = try await Sample.openSession(of: user, in: store)
            for _ in 0..<3 { _ = try await Sample.openSession(of: user, in: store) }
            _ = try await store.reserve(Sample.attempt("ada", address: "home"), caps: AttemptCaps())
            let attempt = try await store.reserve(Sample.attempt("ada", address: "home"), caps: AttemptCaps())
            let result = try await store.changePassword(
                Sample.passwordChange(session, to: "$new", attempt: attempt.reservation), at: Sample.at(60),
                from: Sample.origin)
            guard case .changed(let row, let owner, let told) = result else { throw UnexpectedAnswer() }
            session.counter = 1
            session.rotatedAt = Sample.at(60)
            session.lastUsedAt = Sample.at(60)
            session.userVersion = user.version + 1
            #expect(row == session && owner.version == user.version + 1)
            #expect(try await store.user(user.id) == owner)
            #expect(try await store.sessions(of: user.id) == [session])
            #expect(told.count == 1 && told.allSatisfy { $0.covers(user.id, version: user.version) })
            #expect(try await store.load(at: Sample.at(60)) == told)
            let found = try await store.reserve(Sample.attempt("ada"), caps: AttemptCaps())
            #expect(found.password == StoredPassword(hash: "$new"))
            let counted = try await store.attempts(
                of: user.id, nameKey: Sample.key("ada"), since: Sample.at(-1), at: Sample.start, as: .localOperator,
                from: .server)
            #expect(try counted.value() == 1, "its own attempts were given back")
        },
        StorePromise("of 200 parallel changes from one old hash exactly one is carried out") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let results = try await inParallel(200) { index in
                try await store.changePassword(
                    Sample.passwordChange(session, to: "$new-\(index)"), at: Sample.at(60), from: .server)
            }
            #expect(results.count { $0 == .stale } == 199)
            #expect(try #require(try await store.user(user.id)).version == user.version + 1)
            #expect(try await store.sessions(of: user.id).map(\.counter) == [1])
            #expect(try await store.everyEntry(AuditFilter(event: .passwordChanged)).count == 1)
        },
        StorePromise("a change is stale for another hash, version, session, user or account, and changes nothing") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let other = try await Sample.user("bob", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let ended = try await Sample.openSession(of: user, in: store)
            _ = try await store.end(ended.id, at: Sample.at(1))
            let theirs = try await Sample.openSession(of: other, in: store)
            func change(
                _ user: User, version: Int64? = nil, in session: StoredSession, from hash: String = "$argon2id$sample"
            ) -> PasswordChange {
                PasswordChange(
                    user: user.id, version: version ?? user.version, session: session.id, oldHash: hash,
                    newHash: "$new", attempt: nil, graceMilliseconds: 60_000)
            }
            let before = try await (store.everyUser(), store.everyEntry(), store.load(at: Sample.start))
            for hash in ["$other", ""] {
                let change = change(user, in: session, from: hash)
                #expect(try await store.changePassword(change, at: Sample.at(60), from: .server) == .stale)
            }
            let wrong = [
                change(user, version: 0, in: session), change(user, version: 2, in: session),
                change(user, in: ended), change(user, in: theirs), change(other, in: session),
            ]
            for change in wrong {
                #expect(try await store.changePassword(change, at: Sample.at(60), from: .server) == .gone)
            }
            let late = Sample.at(7 * 86_400)
            #expect(try await store.changePassword(change(user, in: session), at: late, from: .server) == .gone)
            let after = try await (store.everyUser(), store.everyEntry(), store.load(at: Sample.start))
            #expect(before.0 == after.0 && before.1 == after.1 && before.2 == after.2)
            #expect(try await store.sessions(of: user.id) == [session])
            _ = try await store.setEnabled(false, of: user.id, at: Sample.at(1))
            let disabled = try #require(try await store.user(user.id))
            let asked = change(disabled, in: session)
            #expect(try await store.changePassword(asked, at: Sample.at(60), from: .server) == .gone)
        },
        StorePromise("a change within the grace of a rotation keeps the counter, a later one rotates") {
            store async throws in
            var user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            _ = try await store.refresh(session.id, at: Sample.at(100)) { _ in .rotate(to: 1) }
            for (second, counter, hash) in [(159, 1, "$argon2id$sample"), (160, 2, "$159")] as [(Int64, UInt32, String)]
            {
                let change = PasswordChange(
                    user: user.id, version: user.version, session: session.id, oldHash: hash, newHash: "$\(second)",
                    attempt: nil, graceMilliseconds: 60_000)
                let result = try await store.changePassword(change, at: Sample.at(second), from: .server)
                guard case .changed(let row, let owner, _) = result else { throw UnexpectedAnswer() }
                #expect(row.counter == counter && row.userVersion == owner.version)
                user = owner
            }
        },
        StorePromise("a change beside an administrator's reset comes before it or is stale") { store async throws in
            for round in 0..<20 {
                let user = try await Sample.user("ada-\(round)", in: store)
                let session = try await Sample.openSession(of: user, in: store)
                async let changing = store.changePassword(
                    Sample.passwordChange(session, to: "$own"), at: Sample.at(60), from: .server)
                _ = try await store.resetPassword(
                    of: user.id, to: StoredPassword(hash: "$reset"), at: Sample.at(60), as: .localOperator,
                    from: .server)
                _ = try await changing
                let found = try await store.reserve(Sample.attempt("ada-\(round)"), caps: AttemptCaps())
                #expect(found.password?.hash == "$reset")
                #expect(try await store.sessions(of: user.id).isEmpty)
            }
        },
    ]

    private static let oneTime: [StorePromise] = [
        StorePromise("a one-time password is read back as it was given, with a new account too") { store async throws in
            let end = Sample.at(86_400)
            let new = try Sample.newUser("ada")
            let given = NewUser(
                id: new.id, username: new.username, roles: [],
                password: StoredPassword(hash: "$once", oneTime: .init(expiresAt: end)), createdAt: new.createdAt)
            _ = try await store.create(given, as: .localOperator, from: .server).value()
            let found = try await store.reserve(Sample.attempt("ada"), caps: AttemptCaps())
            #expect(found.password == given.password)
        },
        StorePromise("of 50 parallel logins with a one-time password one is opened, and none after them") {
            store async throws in
            let user = try await oneTimeUser("ada", until: Sample.at(100), in: store)
            let openings = try await inParallel(50) { _ in try await login(user, at: Sample.at(1), store) }
            #expect(openings.count { $0 == .opened(revocations: []) } == 1)
            #expect(openings.count { $0 == .passwordUsed } == 49)
            #expect(try await store.sessions(of: user.id).count == 1)
            #expect(try await login(user, at: Sample.at(2), store) == .passwordUsed)
            let found = try await store.reserve(Sample.attempt("ada"), caps: AttemptCaps())
            #expect(found.password?.oneTime == .init(expiresAt: Sample.at(100), isUsed: true))
            #expect(try await store.everyEntry(AuditFilter(event: .loginSucceeded)).count == 1)
        },
        StorePromise("a one-time password opens nothing from its end on, nor does an ordinary one in its place") {
            store async throws in
            let user = try await oneTimeUser("ada", until: Sample.at(100), in: store)
            #expect(try await login(user, at: Sample.at(100), store) == .passwordUsed)
            #expect(try await login(user, at: Sample.at(99), store) == .opened(revocations: []))
            let ordinary = try await Sample.user("bob", in: store)
            #expect(try await login(ordinary, at: Sample.at(1), store) == .passwordUsed)
            #expect(try await store.sessions(of: ordinary.id).isEmpty)
        },
        StorePromise("a one-time password that is used may be changed, and is an ordinary one from then on") {
            store async throws in
            let user = try await oneTimeUser("ada", until: Sample.at(100), in: store)
            let session = try Sample.session(of: user)
            _ = try await store.open(
                session, maximumPerUser: 9, givingBack: nil, usesOneTimePassword: true, generation: 0, from: .server)
            let result = try await store.changePassword(
                Sample.passwordChange(session, from: "$once", to: "$own"), at: Sample.at(200), from: .server)
            #expect(result != .stale)
            let found = try await store.reserve(Sample.attempt("ada"), caps: AttemptCaps())
            #expect(found.password == StoredPassword(hash: "$own"))
        },
        StorePromise("a session opened with a one-time password is refreshed once it is changed, and stays until then")
        {
            store async throws in
            let user = try await oneTimeUser("ada", until: Sample.at(100), in: store)
            let session = try Sample.session(of: user)
            _ = try await store.open(
                session, maximumPerUser: 9, givingBack: nil, usesOneTimePassword: true, generation: 0, from: .server)
            let decisions: [RefreshDecision] = [
                .rotate(to: 1), .adopt(9), .repeatCurrent, .endAsReused, .endAsExpired, .undecidable,
            ]
            for decision in decisions {
                let early = try await store.refresh(session.id, at: Sample.at(1), from: .server) { _ in decision }
                guard case .refused(let told) = early else { throw UnexpectedAnswer() }
                #expect(told.isEmpty)
            }
            #expect(try await store.sessions(of: user.id) == [session])
            _ = try await store.changePassword(
                Sample.passwordChange(session, from: "$once", to: "$own"), at: Sample.at(2), from: .server)
            let later = try await store.refresh(session.id, at: Sample.at(3), from: .server) { _ in .rotate(to: 2) }
            guard case .granted(let row, _) = later else { throw UnexpectedAnswer() }
            #expect(row.counter == 2)
        },
        StorePromise("a rehash keeps a one-time password one") { store async throws in
            let user = try await oneTimeUser("ada", until: Sample.at(100), in: store)
            #expect(try await store.replacePasswordHash(of: user.id, from: "$once", to: "$stronger"))
            let found = try await store.reserve(Sample.attempt("ada"), caps: AttemptCaps())
            #expect(
                found.password == StoredPassword(hash: "$stronger", oneTime: .init(expiresAt: Sample.at(100))))
        },
    ]

    private static func oneTimeUser(_ name: String, until end: UnixTime, in store: any Stores) async throws -> User {
        let user = try await Sample.user(name, in: store)
        _ = try await store.resetPassword(
            of: user.id, to: StoredPassword(hash: "$once", oneTime: .init(expiresAt: end)), at: Sample.start,
            as: .localOperator, from: .server
        ).value()
        return try #require(try await store.user(user.id))
    }

    private static func login(_ user: User, at time: UnixTime, _ store: any Stores) async throws -> SessionOpening {
        try await store.open(
            Sample.session(of: user, at: time), maximumPerUser: 100, givingBack: nil, usesOneTimePassword: true,
            generation: 0,
            from: .server)
    }
}
