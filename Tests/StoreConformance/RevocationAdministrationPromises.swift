import Auth
import Testing

extension StoreContract {
    package static let revocationAdministration: [StorePromise] = [
        StorePromise("a token is revoked whoever's it is, and stays so however often it is asked for") {
            store async throws in
            let token = try Sample.identifier()
            let until = try await revoke(.token(token), at: 1, store).revocations
            guard case .token(token, nil, let first)? = until.first else { throw UnexpectedAnswer() }
            #expect(first >= Sample.at(3600) && until.count == 1)
            let again = try await revoke(.token(token), at: 9, store)
            #expect(again.sessionsEnded == 0)
            #expect(try await store.load(at: Sample.at(3600)) == again.revocations)
        },
        StorePromise("an entry keeps whose it is when it is revoked once more by who does not know") {
            store async throws in
            let token = try Sample.identifier()
            let user = try Sample.identifier()
            try await store.revoke(token: token, of: user, until: Sample.at(10))
            _ = try await revoke(.token(token), at: 1, store)
            let told = try await store.collapse(.users([user]), at: Sample.at(1))
            #expect(try await store.load(at: Sample.at(2)) == told, "its user's entry takes its place")
        },
        StorePromise("an entry of nobody goes with the generation and with no user") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let (token, session) = (try Sample.identifier(), try Sample.identifier())
            _ = try await revoke(.token(token), at: 1, store)
            _ = try await revoke(.session(session), at: 1, store)
            _ = try await store.collapse(.users([user.id]), at: Sample.at(1))
            _ = try await store.endAll(of: user.id, at: Sample.at(1))
            #expect(try await store.load(at: Sample.at(2)).count == 3)
            let told = try await store.collapse(.everything, at: Sample.at(2))
            #expect(try await store.load(at: Sample.at(2)) == told)
        },
        StorePromise("a session ends with its tokens, one that ended before or was never known is refused all the same")
        {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let other = try await Sample.openSession(of: user, in: store)
            let first = try await revoke(.session(session.id), at: 1, store)
            #expect(first.sessionsEnded == 1)
            #expect(first.revocations.count == 1 && first.revocations[0].ends(session.id, of: user.id))
            #expect(try await store.sessions(of: user.id) == [other])
            let again = try await revoke(.session(session.id), at: 100, store)
            #expect(again.sessionsEnded == 0)
            guard case .session(session.id, user.id, let until)? = again.revocations.first else {
                throw UnexpectedAnswer()
            }
            #expect(until >= Sample.at(3700))
            let stranger = try Sample.identifier()
            let unknown = try await revoke(.session(stranger), at: 1, store)
            guard case .session(stranger, nil, _)? = unknown.revocations.first else { throw UnexpectedAnswer() }
            #expect(
                Set(try await store.load(at: Sample.at(3600))) == Set(again.revocations + unknown.revocations))
        },
        StorePromise("all sessions of a user end and are counted, and the version is raised") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let other = try await Sample.user("bob", in: store)
            for _ in 0..<3 { _ = try await Sample.openSession(of: user, in: store) }
            let kept = try await Sample.openSession(of: other, in: store)
            let outcome = try await revoke(.user(user.id), at: 1, store)
            #expect(outcome.sessionsEnded == 3)
            #expect(outcome.revocations.count == 1 && outcome.revocations[0].covers(user.id, version: user.version))
            #expect(try await store.sessions(of: user.id).isEmpty)
            #expect(try await store.sessions(of: other.id) == [kept])
            #expect(try await store.user(other.id) == other)
        },
        StorePromise("sessions made before an instant end; later ones live and get new tokens; the generation rises") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            for second: Int64 in [0, 50, 99] {
                _ = try await Sample.openSession(of: user, at: Sample.at(second), in: store)
            }
            let later = try await Sample.openSession(of: user, at: Sample.at(100), in: store)
            // Used again, which makes it no younger.
            let rotated = try #require(try await store.sessions(of: user.id).first)
            _ = try await store.refresh(rotated.id, at: Sample.at(150)) { _ in .rotate(to: 1) }
            _ = try await revoke(.token(Sample.identifier()), at: 160, store)
            let outcome = try await revoke(.sessionsBefore(Sample.at(100)), at: 200, store)
            #expect(outcome.sessionsEnded == 3 && outcome.revocations == [.generation(1)])
            #expect(try await store.load(at: Sample.at(200)) == [.generation(1)], "it stands for every other entry")
            #expect(try await store.sessions(of: user.id) == [later])
            #expect(try await store.user(user.id) == user)
            #expect(try await store.refresh(later.id, at: Sample.at(300)) { _ in .rotate(to: 1) }.granted != nil)
            let none = try await revoke(.sessionsBefore(Sample.at(-1_000_000)), at: 201, store)
            #expect(none.sessionsEnded == 0 && none.revocations == [.generation(2)])
        },
        StorePromise("parallel revocations of everything raise the generation once each and end each session once") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            for _ in 0..<10 { _ = try await Sample.openSession(of: user, in: store) }
            let outcomes = try await inParallel(10) { _ in
                try await revoke(.sessionsBefore(Sample.at(1)), at: 2, store)
            }
            #expect(outcomes.map(\.sessionsEnded).reduce(0, +) == 10)
            #expect(Set(outcomes.flatMap(\.revocations)) == Set((1...10).map { .generation($0) }))
        },
    ]

    private static func revoke(
        _ target: RevocationTarget, at second: Int64, _ store: any Stores
    ) async throws -> RevocationOutcome {
        try await store.revoke(target, at: Sample.at(second), as: .localOperator, from: Sample.origin).value()
    }
}
