import Auth
import Testing

extension StoreContract {
    package static let audit: [StorePromise] = entries + reading

    private static let entries: [StorePromise] = [
        StorePromise("an entry is read back as it was written, whatever it holds") { store async throws in
            let id = try Sample.identifier()
            let origins = [
                RequestOrigin.server, Sample.origin, Sample.otherOrigin,
                RequestOrigin(address: ClientAddress("::ffff:192.0.2.1"), requestID: nil),
                RequestOrigin(address: ClientAddress("::"), requestID: String(repeating: "x", count: 64)),
            ]
            let actors: [AuditActor] = [.anonymous, .user(id), .localOperator, .server]
            var written: [AuditEntry] = []
            for (index, event) in AuditEvent.allCases.enumerated() {
                written.append(
                    AuditEntry(
                        at: Sample.at(Int64(index)), event: event, actor: actors[index % 4],
                        origin: origins[index % 5], user: index % 2 == 0 ? id : nil,
                        session: index % 3 == 0 ? id : nil,
                        detail: index % 7 == 0 ? nil : String(repeating: "\u{e5}';--", count: index)))
            }
            try await store.append(written)
            try await store.append([])
            #expect(try await store.everyEntry() == written)
        },
        StorePromise("each change of an account tells who did what to whom, when and from where") {
            store async throws in
            let root = try await Sample.administrator("root", in: store)
            let made = try await store.everyEntry()
            let (actor, origin) = (AuditActor.user(root.id), Sample.origin)
            let ada = try Sample.newUser("ada", roles: ["a", "b"])
            _ = try await store.create(ada, as: root.authority, from: origin)
            let roles = UserChange(roles: [try #require(Role("c")), .admin], isEnabled: false)
            _ = try await store.update(ada.id, roles, at: Sample.at(1), as: root.authority, from: origin)
            let enabling = UserChange(isEnabled: true)
            _ = try await store.update(ada.id, enabling, at: Sample.at(2), as: root.authority, from: origin)
            let password = StoredPassword(hash: "$secret", oneTime: .init(expiresAt: Sample.at(9)))
            _ = try await store.resetPassword(
                of: ada.id, to: password, at: Sample.at(3), as: root.authority, from: origin)
            _ = try await store.unlock(
                ada.id, nameKey: Sample.key("ada"), at: Sample.at(4), as: root.authority, from: origin)
            _ = try await store.delete(ada.id, at: Sample.at(5), as: root.authority, from: origin)
            let expected: [(Int64, AuditEvent, String?)] = [
                (0, .userCreated, "a,b"), (1, .userRolesChanged, "c,admin"), (1, .userDisabled, nil),
                (2, .userEnabled, nil), (3, .passwordReset, "one-time"), (4, .userUnlocked, "0"),
                (5, .userDeleted, "ada"),
            ]
            #expect(
                try await store.everyEntry().dropFirst(made.count)
                    == ArraySlice(
                        expected.map { second, event, detail in
                            AuditEntry(
                                at: Sample.at(second), event: event, actor: actor, origin: origin, user: ada.id,
                                detail: detail)
                        }))
            #expect(
                made == [
                    AuditEntry(
                        at: Sample.start, event: .userCreated, actor: .localOperator, origin: .server, user: root.id,
                        detail: "admin")
                ])
        },
        StorePromise("the first account is the server's doing, a registered one its owner's") { store async throws in
            let first = try Sample.newUser("admin", roles: ["admin"])
            _ = try await inParallel(5) { _ in try await store.createFirst(first) }
            let other = try Sample.newUser("ada")
            for _ in 0..<2 { _ = try await store.register(other, from: Sample.origin) }
            #expect(
                try await store.everyEntry() == [
                    AuditEntry(
                        at: Sample.start, event: .userCreated, actor: .server, origin: .server, user: first.id,
                        detail: "admin"),
                    AuditEntry(
                        at: Sample.start, event: .userRegistered, actor: .user(other.id), origin: Sample.origin,
                        user: other.id),
                ])
        },
        StorePromise("the life of sessions is told: login, limit, adoption, reuse, end, password, all ends") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            var ids: [Identifier] = []
            for second: Int64 in 0..<4 {
                let session = try Sample.session(of: user, at: Sample.at(second))
                ids.append(session.id)
                _ = try await store.open(
                    session, maximumPerUser: 3, givingBack: nil, usesOneTimePassword: false, generation: 0,
                    from: Sample.origin)
            }
            let origin = Sample.otherOrigin
            _ = try await store.refresh(ids[1], at: Sample.at(10), from: origin) { _ in .rotate(to: 1) }
            _ = try await store.refresh(ids[1], at: Sample.at(11), from: origin) { _ in .repeatCurrent }
            _ = try await store.refresh(ids[1], at: Sample.at(12), from: origin) { _ in .adopt(3) }
            _ = try await store.refresh(ids[1], at: Sample.at(13), from: origin) { _ in .endAsReused }
            for _ in 0..<2 { _ = try await store.end(ids[2], at: Sample.at(14), from: origin) }
            let session = try #require(try await store.sessions(of: user.id).first)
            _ = try await store.changePassword(
                Sample.passwordChange(session, to: "$new"), at: Sample.at(15), from: origin)
            _ = try await store.refresh(ids[3], at: Sample.at(16), from: origin) { _ in .endAsExpired }
            _ = try await store.endAll(of: user.id, version: .max, at: Sample.at(17), from: origin)
            let expected: [(Int64, AuditEvent, Int?)] = [
                (0, .loginSucceeded, 0), (1, .loginSucceeded, 1), (2, .loginSucceeded, 2),
                (3, .sessionLimitReached, 0), (3, .loginSucceeded, 3), (12, .refreshTokenAdopted, 1),
                (13, .refreshTokenReused, 1), (14, .sessionEnded, 2), (15, .passwordChanged, 3),
                (17, .userSessionsEnded, nil),
            ]
            let entries = try await store.everyEntry().dropFirst()
            #expect(
                entries
                    == ArraySlice(
                        expected.map { second, event, session in
                            AuditEntry(
                                at: Sample.at(second), event: event,
                                actor: event == .refreshTokenReused ? .anonymous : .user(user.id),
                                origin: second < 10 ? Sample.origin : origin, user: user.id,
                                session: session.map { ids[$0] })
                        }))
        },
        StorePromise("each revocation is told with what it names") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            _ = try await Sample.openSession(of: user, in: store)
            let (token, stranger) = (try Sample.identifier(), try Sample.identifier())
            let before = try await store.everyEntry().count
            let targets: [RevocationTarget] = [
                .token(token), .session(session.id), .session(stranger), .user(user.id), .sessionsBefore(Sample.at(7)),
            ]
            for target in targets {
                _ = try await store.revoke(target, at: Sample.at(9), as: .localOperator, from: Sample.origin)
            }
            func entry(
                _ event: AuditEvent, user: Identifier? = nil, session: Identifier? = nil, _ detail: String? = nil
            ) -> AuditEntry {
                AuditEntry(
                    at: Sample.at(9), event: event, actor: .localOperator, origin: Sample.origin, user: user,
                    session: session, detail: detail)
            }
            #expect(
                try await store.everyEntry().dropFirst(before) == [
                    entry(.tokenRevoked, token.description), entry(.sessionEnded, user: user.id, session: session.id),
                    entry(.sessionEnded, session: stranger), entry(.userSessionsEnded, user: user.id, "1"),
                    entry(.sessionsRevoked, "before=\(Sample.at(7).milliseconds) ended=0"),
                ])
        },
        StorePromise("what came to nothing is not told") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let before = try await store.everyEntry()
            _ = try await store.create(Sample.newUser("ada"))
            _ = try await store.create(Sample.newUser("ada"), as: .localOperator, from: .server)
            _ = try await store.createFirst(Sample.newUser("admin"))
            _ = try await store.changePassword(
                Sample.passwordChange(session, from: "$wrong", to: "$x"), at: Sample.at(1), from: .server)
            var older = user
            older.version = 0
            _ = try await store.open(Sample.session(of: older), maximumPerUser: 1, givingBack: nil)
            _ = try await store.endAll(of: Sample.identifier(), at: Sample.at(1))
            _ = try await store.end(Sample.identifier(), at: Sample.at(1))
            _ = try await store.refresh(session.id, at: Sample.at(1)) { _ in .undecidable }
            #expect(try await store.everyEntry() == before)
        },
    ]

    private static let reading: [StorePromise] = [
        StorePromise("pages hold every entry once, newest or oldest first, also while new ones come") {
            store async throws in
            let written = (0..<25).map { entry(.loginFailed, at: Int64($0)) }
            try await store.append(written)
            let forward = try await seconds(AuditFilter(), limit: 7, isNewestFirst: false, store)
            #expect(forward == Array(0..<25))
            var backward: [Int64] = []
            var last: Int64?
            repeat {
                let page = try await store.auditEntries(
                    AuditFilter(), before: last, limit: 6, at: Sample.start, as: .localOperator, from: .server
                ).value()
                backward += page.items.map { second(of: $0.entry) }
                last = page.next
                try await store.append([entry(.loginFailed, at: 1000)])
            } while last != nil
            #expect(backward == (0..<25).reversed())
            for cursor in [Int64.min, -1, 0] {
                let page = try await store.auditEntries(
                    AuditFilter(), before: cursor, limit: 6, at: Sample.start, as: .localOperator, from: .server
                ).value()
                #expect(page == Page(items: [], next: nil))
            }
            let end = try await store.auditEntries(
                AuditFilter(), after: .max, limit: 6, at: Sample.start, as: .localOperator, from: .server)
            #expect(try end.value() == Page(items: [], next: nil))
        },
        StorePromise("filters take what fits all of them: event, user as actor or owner, since, until") {
            store async throws in
            let (ada, bob) = (try Sample.identifier(), try Sample.identifier())
            try await store.append([
                entry(.loginFailed, at: 0, user: ada), entry(.loginFailed, at: 1, user: bob),
                entry(.userDeleted, at: 2, by: .user(ada), user: bob),
                entry(.userDeleted, at: 3, by: .user(ada), user: ada),
                entry(.loginThrottled, at: 4), entry(.userDeleted, at: 5, by: .user(bob)),
                entry(.loginFailed, at: 6, by: .localOperator, user: ada),
            ])
            let expected: [(AuditFilter, [Int64])] = [
                (AuditFilter(), [0, 1, 2, 3, 4, 5, 6]),
                (AuditFilter(event: .loginFailed), [0, 1, 6]),
                (AuditFilter(event: .keyRotated), []),
                (AuditFilter(user: ada), [0, 2, 3, 6]),
                (AuditFilter(user: bob), [1, 2, 5]),
                (AuditFilter(user: try Sample.identifier()), []),
                (AuditFilter(since: Sample.at(3)), [3, 4, 5, 6]),
                (AuditFilter(until: Sample.at(3)), [0, 1, 2]),
                (AuditFilter(since: Sample.at(2), until: Sample.at(5)), [2, 3, 4]),
                (AuditFilter(since: Sample.at(5), until: Sample.at(2)), []),
                (AuditFilter(event: .userDeleted, user: ada, since: Sample.at(2), until: Sample.at(3)), [2]),
                (AuditFilter(event: .loginFailed, user: ada, since: Sample.at(1)), [6]),
            ]
            for (filter, wanted) in expected {
                for limit in [1, 2, 50] {
                    #expect(try await seconds(filter, limit: limit, isNewestFirst: false, store) == wanted, "\(filter)")
                    #expect(
                        try await seconds(filter, limit: limit, isNewestFirst: true, store) == wanted.reversed(),
                        "\(filter)")
                }
            }
        },
        StorePromise("pruning takes what is older, a bounded number at a time, and nothing else") {
            store async throws in
            try await store.append((0..<2500).map { entry(.loginFailed, at: Int64($0)) })
            try await store.append([entry(.userDeleted, at: 5), entry(.userDeleted, at: 3000)])
            var rounds = 0
            var pruned = 0
            while case let count = try await store.pruneAudit(olderThan: Sample.at(2400)), count > 0 {
                pruned += count
                rounds += 1
            }
            #expect(pruned == 2401 && rounds > 1)
            let left = try await seconds(AuditFilter(), limit: 100, isNewestFirst: false, store)
            #expect(left == Array(2400..<2500) + [3000])
            while try await store.pruneAudit(olderThan: Sample.at(9999)) > 0 {}
            try await store.append([entry(.loginFailed, at: 1)])
            let next = try await store.auditEntries(
                AuditFilter(), after: 0, limit: 5, at: Sample.start, as: .localOperator, from: .server)
            #expect(try next.value().items.map(\.id).allSatisfy { $0 > 2502 }, "no id is given again")
        },
        StorePromise("entries of parallel writers all stand there") { store async throws in
            _ = try await inParallel(100) { index in
                try await store.append([entry(.loginFailed, at: Int64(index)), entry(.loginFailed, at: Int64(index))])
            }
            let read = try await seconds(AuditFilter(), limit: 100, isNewestFirst: false, store)
            #expect(read.sorted() == (0..<100).flatMap { [$0, $0] })
        },
    ]

    private static func entry(
        _ event: AuditEvent, at second: Int64, by actor: AuditActor = .anonymous, user: Identifier? = nil
    ) -> AuditEntry {
        AuditEntry(at: Sample.at(second), event: event, actor: actor, origin: Sample.origin, user: user)
    }

    private static func second(of entry: AuditEntry) -> Int64 { entry.at.seconds - Sample.start.seconds }

    private static func seconds(
        _ filter: AuditFilter, limit: Int, isNewestFirst: Bool, _ store: any Stores
    ) async throws -> [Int64] {
        var seconds: [Int64] = []
        var cursor: Int64?
        repeat {
            let page =
                isNewestFirst
                ? try await store.auditEntries(
                    filter, before: cursor, limit: limit, at: Sample.start, as: .localOperator, from: .server)
                : try await store.auditEntries(
                    filter, after: cursor ?? 0, limit: limit, at: Sample.start, as: .localOperator, from: .server)
            let found = try page.value()
            #expect(found.items.count <= limit)
            seconds += found.items.map { second(of: $0.entry) }
            cursor = found.next
        } while cursor != nil
        return seconds
    }
}
