import Auth
import Testing

extension StoreContract {
    package static let revocations: [StorePromise] = [
        StorePromise("a load has every entry that is in force and none that is not") { store async throws in
            let user = try Sample.identifier()
            let tokens = try await inParallel(300) { index in
                let token = try Sample.identifier()
                let until = Sample.at(Int64(index + 1))
                try await store.revoke(token: token, of: user, until: until)
                return Revocation.token(token, user: user, until: until)
            }
            #expect(Set(try await store.load(at: Sample.start)) == Set(tokens))
            let late = try await store.load(at: Sample.at(100))
            #expect(late.count == 200 && Set(late).isSubset(of: tokens))
        },
        StorePromise("revoking a token again changes nothing, or makes it longer") { store async throws in
            let token = try Sample.identifier()
            let user = try Sample.identifier()
            for second: Int64 in [10, 10, 30, 20] {
                try await store.revoke(token: token, of: user, until: Sample.at(second))
            }
            #expect(try await store.load(at: Sample.start) == [.token(token, user: user, until: Sample.at(30))])
        },
        StorePromise("pruning takes what is out of force, a bounded number at a time, and nothing else") {
            store async throws in
            let user = try Sample.identifier()
            _ = try await inParallel(2500) { index in
                let until = Sample.at(index < 2400 ? 10 : 20)
                try await store.revoke(token: Sample.identifier(), of: user, until: until)
            }
            var rounds = 0
            var pruned = 0
            while case let count = try await store.prune(at: Sample.at(10)), count > 0 {
                pruned += count
                rounds += 1
            }
            #expect(pruned == 2400 && rounds > 1)
            #expect(try await store.load(at: Sample.start).count == 100)
        },
        StorePromise("collapsing users raises their versions, replaces their entries and keeps their sessions") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let other = try await Sample.user("bob", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let ended = try await Sample.openSession(of: user, in: store)
            _ = try await store.end(ended.id, at: Sample.start)
            try await store.revoke(token: Sample.identifier(), of: user.id, until: Sample.at(900))
            let kept = try Sample.identifier()
            try await store.revoke(token: kept, of: other.id, until: Sample.at(900))
            let told = try await store.collapse(.users([user.id]), at: Sample.at(1))
            #expect(told.count == 1 && told.allSatisfy { $0.covers(user.id, version: user.version) })
            #expect(
                Set(try await store.load(at: Sample.at(1)))
                    == Set(told + [.token(kept, user: other.id, until: Sample.at(900))]))
            #expect(try await store.sessions(of: user.id) == [session])
            #expect(try #require(try await store.user(user.id)).version == user.version + 1)
            #expect(try await store.user(other.id) == other)
        },
        StorePromise("collapsing a user who is gone puts one entry for every version in place of the others") {
            store async throws in
            let gone = try Sample.identifier()
            for _ in 0..<2 { try await store.revoke(token: Sample.identifier(), of: gone, until: Sample.at(900)) }
            let told = try await store.collapse(.users([gone]), at: Sample.start)
            #expect(told.count == 1 && told.allSatisfy { $0.covers(gone, version: .max - 1) })
            #expect(try await store.load(at: Sample.at(3600)) == told)
        },
        StorePromise("collapsing everything raises the generation, which alone is left and never ends") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            _ = try await store.setEnabled(true, of: user.id, at: Sample.start)
            try await store.revoke(token: Sample.identifier(), of: user.id, until: Sample.at(900))
            let first = try await store.collapse(.everything, at: Sample.start)
            let second = try await store.collapse(.everything, at: Sample.start)
            guard case .generation(let lower)? = first.first, case .generation(let higher)? = second.first else {
                throw UnexpectedAnswer()
            }
            #expect(lower >= 1 && higher == lower + 1)
            #expect(try await store.load(at: Sample.at(10_000_000)) == second)
            while try await store.prune(at: Sample.at(10_000_000)) > 0 {}
            #expect(try await store.load(at: Sample.start) == second)
            #expect(try await store.sessions(of: user.id) == [session])
        },
        StorePromise("parallel collapses raise a version once each") { store async throws in
            let user = try await Sample.user("ada", in: store)
            _ = try await inParallel(20) { _ in try await store.collapse(.users([user.id]), at: Sample.start) }
            #expect(try #require(try await store.user(user.id)).version == user.version + 20)
            #expect(try await store.load(at: Sample.start).count == 1)
        },
    ]
}
