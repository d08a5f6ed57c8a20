import Auth
import Testing

extension StoreContract {
    static let refreshing: [StorePromise] = [
        StorePromise("a rotation moves the counter and its moments, never the lifetimes") { store async throws in
            let user = try await Sample.user("ada", in: store)
            var session = try await Sample.openSession(of: user, in: store)
            let result = try await store.refresh(session.id, at: Sample.at(60)) {
                $0.counter == 0 ? .rotate(to: 1) : .endAsReused
            }
            session.counter = 1
            session.rotatedAt = Sample.at(60)
            session.lastUsedAt = Sample.at(60)
            guard case .granted(let row, let owner) = result else { throw UnexpectedAnswer() }
            #expect(row == session && owner == user)
            #expect(try await store.sessions(of: user.id) == [session])
        },
        StorePromise("a repetition leaves the row as it is") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let result = try await store.refresh(session.id, at: Sample.at(60)) { _ in .repeatCurrent }
            #expect(result.granted == session)
            #expect(try await store.sessions(of: user.id) == [session])
        },
        StorePromise("an adopted counter stands in the row, rotated now") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let row = try await store.refresh(session.id, at: Sample.at(60)) { _ in .adopt(4_294_967_295) }.granted
            #expect(row?.counter == 4_294_967_295 && row?.rotatedAt == Sample.at(60))
            #expect(try await store.sessions(of: user.id) == [row])
        },
        StorePromise("an undecidable token changes nothing") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let result = try await store.refresh(session.id, at: Sample.at(60)) { _ in .undecidable }
            guard case .undecidable = result else { throw UnexpectedAnswer() }
            #expect(try await store.sessions(of: user.id) == [session])
            #expect(try await store.load(at: Sample.at(60)).isEmpty)
        },
        StorePromise("a token that is stale or whose time is over ends its session, not the account") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            for decision in [RefreshDecision.endAsReused, .endAsExpired] {
                let session = try await Sample.openSession(of: user, in: store)
                let other = try await Sample.openSession(of: user, in: store)
                let told = try await store.refresh(session.id, at: Sample.at(60)) { _ in decision }.refusal
                #expect(told?.count == 1 && told?.allSatisfy { $0.ends(session.id, of: user.id) } == true)
                #expect(try await store.sessions(of: user.id).contains(other))
                #expect(try await !store.sessions(of: user.id).contains { $0.id == session.id })
                #expect(try await store.refresh(session.id, at: Sample.at(61)) { _ in .rotate(to: 1) }.refusal == [])
            }
            #expect(try await store.user(user.id) == user)
            #expect(try await store.load(at: Sample.at(60)).count == 2)
        },
        StorePromise("parallel refreshes of one session come one after the other") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let counters = try await inParallel(100) { _ in
                try await store.refresh(session.id, at: Sample.at(60)) { .rotate(to: $0.counter + 1) }.granted?.counter
            }
            #expect(counters.compactMap { $0 }.sorted() == Array(1...100))
            #expect(try await store.sessions(of: user.id).map(\.counter) == [100])
        },
        StorePromise("of 100 parallel refreshes with one token one rotates, and all get the same row") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let rows = try await inParallel(100) { _ in
                try await store.refresh(session.id, at: Sample.at(60)) {
                    $0.rotatedAt == nil ? .rotate(to: $0.counter + 1) : .repeatCurrent
                }.granted
            }
            #expect(rows.compactMap { $0 }.count == 100)
            #expect(Set(rows.map { $0?.counter }) == [1])
        },
        StorePromise("a session takes its user's new version with the next refresh, rotated or repeated") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            for decision in [RefreshDecision.rotate(to: 1), .repeatCurrent, .adopt(7)] {
                let version = try #require(try await store.user(user.id)).version
                var current = user
                current.version = version
                let session = try await Sample.openSession(of: current, in: store)
                _ = try await store.collapse(.users([user.id]), at: Sample.at(1))
                let result = try await store.refresh(session.id, at: Sample.at(60)) { row in
                    row.userVersion == version ? decision : .undecidable
                }
                guard case .granted(let row, let owner) = result else { throw UnexpectedAnswer() }
                #expect(row.userVersion == version + 1 && owner.version == version + 1)
                #expect(try await store.sessions(of: user.id).contains(row))
            }
        },
        StorePromise("a refresh beside the end of its session is granted before it or refused after it") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            for _ in 0..<20 {
                let session = try await Sample.openSession(of: user, in: store)
                async let refreshing = inParallel(4) { _ in
                    try await store.refresh(session.id, at: Sample.at(60)) { .rotate(to: $0.counter + 1) }.granted?
                        .counter
                }
                let told = try await store.end(session.id, at: Sample.at(60))
                let counters = try await refreshing.compactMap { $0 }
                #expect(told.count == 1)
                #expect(counters.sorted() == Array(1..<UInt32(counters.count + 1)))
                #expect(try await store.sessions(of: user.id).isEmpty)
            }
        },
    ]
}
