import Auth
import Testing

extension StoreContract {
    package static let sessions: [StorePromise] = opening + refreshing + ending

    private static let opening: [StorePromise] = [
        StorePromise("a session is not opened under a generation that is over") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let before = try Sample.session(of: user)
            _ = try await store.revoke(
                .sessionsBefore(Sample.at(1)), at: Sample.at(1), as: .localOperator, from: .server)
            for (generation, isOpened) in [(Int64(0), false), (2, false), (1, true)] {
                let opening = try await store.open(
                    before, maximumPerUser: 100, givingBack: nil, usesOneTimePassword: false, generation: generation,
                    from: .server)
                #expect((opening == .opened(revocations: [])) == isOpened)
            }
            #expect(try await store.sessions(of: user.id) == [before])
        },
        StorePromise("ending all sessions again changes nothing and tells the same") { store async throws in
            let user = try await Sample.user("ada", in: store)
            _ = try await Sample.openSession(of: user, in: store)
            let told = try await inParallel(50) { _ in
                try await store.endAll(of: user.id, version: 1, at: Sample.at(1), from: .server)
            }
            #expect(Set(told).count == 1 && told.first?.count == 1)
            #expect(try await store.user(user.id)?.version == 2)
            // A role that changed meanwhile has raised the version and ended nothing.
            let current = try #require(try await store.user(user.id))
            _ = try await Sample.openSession(of: current, at: Sample.at(2), in: store)
            _ = try await store.endAll(of: user.id, version: 1, at: Sample.at(3), from: .server)
            #expect(try await store.sessions(of: user.id).isEmpty)
            #expect(try await store.user(user.id)?.version == 3)
        },
        StorePromise("a session is read back as it was opened") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            #expect(try await store.sessions(of: user.id) == [session])
            #expect(try await store.sessions(of: Sample.identifier()).isEmpty)
        },
        StorePromise("no session for a user who changed version, is disabled or unknown") { store async throws in
            let user = try await Sample.user("ada", in: store)
            var older = user
            older.version -= 1
            var newer = user
            newer.version += 1
            let stranger = User(
                id: try Sample.identifier(), username: user.username, roles: [], isEnabled: true, version: 1,
                createdAt: Sample.start)
            for wrong in [older, newer, stranger] {
                let session = try Sample.session(of: wrong)
                #expect(try await store.open(session, maximumPerUser: 100, givingBack: nil) == .userChanged)
            }
            _ = try await store.setEnabled(false, of: user.id, at: Sample.start)
            let disabled = try #require(try await store.user(user.id))
            let session = try Sample.session(of: disabled)
            #expect(try await store.open(session, maximumPerUser: 100, givingBack: nil) == .userChanged)
            #expect(try await store.sessions(of: user.id).isEmpty)
        },
        StorePromise("of 101 sessions the one idle longest ends, and verifiers are told") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let sessions = try await inParallel(100) {
                try await Sample.openSession(of: user, at: Sample.at(Int64($0)), in: store)
            }.sorted { $0.createdAt < $1.createdAt }
            // The oldest is used again, so that the second is idle longest.
            _ = try await store.refresh(sessions[0].id, at: Sample.at(200)) { _ in .rotate(to: 1) }
            let session = try Sample.session(of: user, at: Sample.at(300))
            let opening = try await store.open(session, maximumPerUser: 100, givingBack: nil)
            guard case .opened(let told) = opening else { throw UnexpectedAnswer() }
            #expect(told.count == 1 && told.allSatisfy { $0.ends(sessions[1].id, of: user.id) })
            #expect(try await store.load(at: Sample.at(300)) == told)
            let left = Set(try await store.sessions(of: user.id).map(\.id))
            #expect(left == Set(sessions.map(\.id)).subtracting([sessions[1].id]).union([session.id]))
        },
        StorePromise("parallel openings never leave more than the maximum, and each that goes is told of") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let openings = try await inParallel(60) { index in
                try await store.open(
                    Sample.session(of: user, at: Sample.at(Int64(index))), maximumPerUser: 10, givingBack: nil)
            }
            let told = openings.flatMap { opening -> [Revocation] in
                if case .opened(let revocations) = opening { revocations } else { [] }
            }
            #expect(Set(told).count == 50)
            #expect(try await store.sessions(of: user.id).count == 10)
        },
        StorePromise("a session opened beside the end of all is gone or was never opened") { store async throws in
            let user = try await Sample.user("ada", in: store)
            async let openings = inParallel(40) { _ in
                try await store.open(Sample.session(of: user), maximumPerUser: 100, givingBack: nil)
            }
            let told = try await store.endAll(of: user.id, at: Sample.at(1))
            _ = try await openings
            #expect(told.contains { $0.covers(user.id, version: user.version) })
            #expect(try await store.sessions(of: user.id).isEmpty)
        },
        StorePromise("pruning takes sessions whose idle or absolute lifetime is over, and no other") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            for days: Int64 in [1, 2, 3, 60] {
                let session = try Sample.session(of: user, idleSeconds: days * 86_400)
                _ = try await store.open(session, maximumPerUser: 100, givingBack: nil)
            }
            #expect(try await store.pruneSessions(at: Sample.at(2 * 86_400)) == 2)
            #expect(try await store.sessions(of: user.id).count == 2)
            #expect(try await store.pruneSessions(at: Sample.at(30 * 86_400)) == 2)
            #expect(try await store.pruneSessions(at: Sample.at(30 * 86_400)) == 0)
        },
    ]

    private static let ending: [StorePromise] = [
        StorePromise("a session ends once; verifiers are told, and its refresh is refused unasked") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let other = try await Sample.openSession(of: user, in: store)
            let answers = try await inParallel(20) { _ in try await store.end(session.id, at: Sample.at(1)) }
            let told = answers[0]
            #expect(told.count == 1 && told.allSatisfy { $0.ends(session.id, of: user.id) })
            #expect(answers.allSatisfy { $0 == told }, "a repeat is told what still is in force")
            #expect(try await store.load(at: Sample.at(1)) == told)
            let refreshed = try await store.refresh(session.id, at: Sample.at(2)) { _ in
                Issue.record("asked about a session that ended")
                return .rotate(to: 1)
            }
            #expect(refreshed.refusal == [])
            #expect(try await store.sessions(of: user.id) == [other])
            #expect(try await store.end(Sample.identifier(), at: Sample.at(3)).isEmpty)
            #expect(try await store.end(session.id, at: Sample.at(100_000)).isEmpty)
        },
        StorePromise("the end of all sessions raises the version and leaves other users alone") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let other = try await Sample.user("bob", in: store)
            for _ in 0..<5 { _ = try await Sample.openSession(of: user, in: store) }
            let untouched = try await Sample.openSession(of: other, in: store)
            let told = try await store.endAll(of: user.id, at: Sample.at(1))
            #expect(told.contains { $0.covers(user.id, version: user.version) })
            #expect(Set(try await store.load(at: Sample.at(1))) == Set(told))
            #expect(try await store.sessions(of: user.id).isEmpty)
            #expect(try #require(try await store.user(user.id)).version == user.version + 1)
            #expect(try await store.sessions(of: other.id) == [untouched])
            #expect(try await store.user(other.id) == other)
            #expect(try await store.endAll(of: Sample.identifier(), at: Sample.at(2)).isEmpty)
        },
    ]
}

/// An answer of a kind that the check does not go on with.
struct UnexpectedAnswer: Error {}

extension Revocation {
    /// All access tokens of this session are refused by this entry, for as long as one may live.
    func ends(_ session: Identifier, of user: Identifier) -> Bool {
        guard case .session(session, user, let until) = self else { return false }
        return until >= Sample.at(3600)
    }
}
