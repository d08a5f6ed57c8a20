import Auth
import Testing

extension StoreContract {
    package static let userAdministration: [StorePromise] = pages + changes + passwordsAndLocks + lastAdministrator

    private static let pages: [StorePromise] = [
        StorePromise("users come in the order of their ids, a page at a time, each of them once") {
            store async throws in
            let ids = try await inParallel(23) { try await Sample.user("user-\($0)", in: store).id }
            #expect(try await store.everyUser().map(\.id) == ids.sorted())
            let all = try await store.users(
                UserFilter(), after: nil, limit: 23, at: Sample.start, as: .localOperator, from: .server
            ).value()
            #expect(all.items.count == 23 && all.next == nil)
            let past = try await store.users(
                UserFilter(), after: ids.max(), limit: 5, at: Sample.start, as: .localOperator, from: .server
            ).value()
            #expect(past == Page(items: [], next: nil))
            for limit in [-1, 0, .max] {
                let page = try await store.users(
                    UserFilter(), after: nil, limit: limit, at: Sample.start, as: .localOperator, from: .server
                ).value()
                #expect(page.items.count == (limit > 0 ? 23 : 1))
            }
        },
        StorePromise("a name finds its account and no other") { store async throws in
            let user = try await Sample.user("ada", in: store)
            _ = try await Sample.user("ada2", in: store)
            for (name, found) in [("ada", [user]), ("ad%", []), ("", [])] {
                let page = try await store.users(
                    UserFilter(username: Username(stored: name)), after: nil, limit: 5, at: Sample.start,
                    as: .localOperator, from: .server
                ).value()
                #expect(page == Page(items: found, next: nil))
            }
        },
        StorePromise("nobody is found, changed, unlocked or deleted who is not there, and nothing is written") {
            store async throws in
            let (nobody, now) = (try Sample.identifier(), Sample.start)
            let none: [Bool] = try await [
                store.user(nobody, at: now, as: .localOperator, from: .server).isNotFound,
                store.update(nobody, UserChange(isEnabled: false), at: now, as: .localOperator, from: .server)
                    .isNotFound,
                store.delete(nobody, at: now, as: .localOperator, from: .server).isNotFound,
                store.resetPassword(
                    of: nobody, to: StoredPassword(hash: "$x"), at: now, as: .localOperator, from: .server
                ).isNotFound,
                store.unlock(nobody, nameKey: Sample.key("ada"), at: now, as: .localOperator, from: .server)
                    .isNotFound,
                store.attempts(
                    of: nobody, nameKey: Sample.key("ada"), since: now, at: now, as: .localOperator, from: .server
                ).isNotFound,
                store.sessions(of: nobody, at: now, as: .localOperator, from: .server).isNotFound,
                store.revoke(.user(nobody), at: now, as: .localOperator, from: .server).isNotFound,
            ]
            #expect(none.allSatisfy { $0 })
            #expect(try await store.everyEntry().isEmpty)
            #expect(try await store.load(at: now).isEmpty)
        },
    ]

    private static let changes: [StorePromise] = [
        StorePromise("of 50 parallel administrators' accounts of one name one is made, the others are told") {
            store async throws in
            let answers = try await inParallel(50) { _ in
                try await store.create(Sample.newUser("ada", roles: ["x"]), as: .localOperator, from: Sample.origin)
            }
            let made = answers.compactMap { if case .done(let user) = $0 { user } else { nil } }
            #expect(made.count == 1 && answers.count { $0.conflict == .usernameTaken } == 49)
            #expect(try await store.everyUser() == made)
        },
        StorePromise("other roles raise the version, tell verifiers and leave the sessions, which take it at a refresh")
        {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let roles = try [#require(Role("b")), #require(Role("a"))]
            let changed = try await store.update(
                user.id, UserChange(roles: roles), at: Sample.at(1), as: .localOperator, from: .server
            ).value()
            #expect(changed.user.roles == roles && changed.user.version == user.version + 1)
            #expect(try await store.user(user.id) == changed.user)
            #expect(changed.revocations.count == 1)
            #expect(changed.revocations.allSatisfy { $0.covers(user.id, version: user.version) })
            #expect(try await store.load(at: Sample.at(1)) == changed.revocations)
            #expect(try await store.sessions(of: user.id) == [session])
            let refreshed = try await store.refresh(session.id, at: Sample.at(2)) { _ in .rotate(to: 1) }
            guard case .granted(let row, let owner) = refreshed else { throw UnexpectedAnswer() }
            #expect(row.userVersion == changed.user.version && owner == changed.user)
        },
        StorePromise("the same roles in another order are no change") { store async throws in
            let user = try await store.create(
                Sample.newUser("ada", roles: ["b", "a"]), as: .localOperator, from: .server
            ).value()
            let entries = try await store.everyEntry()
            let same = try await store.update(
                user.id, UserChange(roles: user.roles.reversed()), at: Sample.at(1), as: .localOperator, from: .server
            ).value()
            #expect(same.user == user && same.revocations.isEmpty)
            #expect(try await store.user(user.id) == user)
            #expect(try await store.everyEntry() == entries)
        },
        StorePromise("roles and disabling in one change end the sessions and raise the version once") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            _ = try await Sample.openSession(of: user, in: store)
            let changed = try await store.update(
                user.id, UserChange(roles: [try #require(Role("a"))], isEnabled: false), at: Sample.at(1),
                as: .localOperator, from: .server
            ).value()
            #expect(changed.user.version == user.version + 1 && !changed.user.isEnabled)
            #expect(changed.user.roles.map(\.name) == ["a"])
            #expect(try await store.sessions(of: user.id).isEmpty)
        },
        StorePromise("a change to what is already so writes nothing, and tells what is still in force") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let same = UserChange(roles: [], isEnabled: true)
            let first = try await store.update(user.id, same, at: Sample.at(1), as: .localOperator, from: .server)
            #expect(first == .done(ChangedUser(user: user, revocations: [])))
            let disabled = try await store.update(
                user.id, UserChange(isEnabled: false), at: Sample.at(1), as: .localOperator, from: .server)
            let entries = try await store.everyEntry()
            let again = try await store.update(
                user.id, UserChange(isEnabled: false), at: Sample.at(2), as: .localOperator, from: .server)
            #expect(again == disabled)
            #expect(try await store.everyEntry() == entries)
        },
        StorePromise("a deleted account is gone with its sessions; its tokens stay refused, its name is free") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            let told = try await store.delete(user.id, at: Sample.at(1), as: .localOperator, from: .server).value()
            #expect(told.count == 1 && told.allSatisfy { $0.covers(user.id, version: user.version) })
            #expect(try await store.load(at: Sample.at(3600)) == told)
            #expect(try await store.user(user.id) == nil)
            #expect(try await store.reserve(Sample.attempt("ada"), caps: AttemptCaps()).user == nil)
            #expect(try await store.refresh(session.id, at: Sample.at(2)) { _ in .rotate(to: 1) }.refusal == [])
            #expect(
                try await store.open(Sample.session(of: user), maximumPerUser: 9, givingBack: nil) == .userChanged)
            #expect(try await store.delete(user.id, at: Sample.at(2), as: .localOperator, from: .server).isNotFound)
            #expect(try await store.createFirst(Sample.newUser("admin")) == false)
            #expect(try await Sample.user("ada", in: store).id != user.id)
        },
        StorePromise("of 20 parallel deletions one is told what to revoke; a login beside them leaves no session") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            async let openings = inParallel(20) { _ in
                try await store.open(Sample.session(of: user), maximumPerUser: 100, givingBack: nil)
            }
            let answers = try await inParallel(20) { _ in
                try await store.delete(user.id, at: Sample.at(1), as: .localOperator, from: .server)
            }
            _ = try await openings
            #expect(answers.count { $0.isNotFound } == 19)
            #expect(try await store.sessions(of: user.id).isEmpty)
        },
    ]

    private static let passwordsAndLocks: [StorePromise] = [
        StorePromise("a password reset raises the version, ends every session and takes the place of the old hash") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            _ = try await Sample.openSession(of: user, in: store)
            let once = StoredPassword(hash: "$once", oneTime: .init(expiresAt: Sample.at(100)))
            for password in [once, StoredPassword(hash: "$ordinary")] {
                let version = try #require(try await store.user(user.id)).version
                let told = try await store.resetPassword(
                    of: user.id, to: password, at: Sample.at(1), as: .localOperator, from: .server
                ).value()
                #expect(told.count == 1 && told.allSatisfy { $0.covers(user.id, version: version) })
                let found = try await store.reserve(Sample.attempt("ada"), caps: AttemptCaps())
                #expect(found.password == password && found.user?.version == version + 1)
                #expect(try await store.sessions(of: user.id).isEmpty)
            }
        },
        StorePromise("an unlocked account has all its attempts again, known devices' too, and no other account has") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            for device in [nil, "phone"] {
                for name in ["ada", "bob"] {
                    for second: Int64 in [1, 2] {
                        let attempt = Sample.attempt(name, device: device, at: Sample.at(second))
                        _ = try await store.reserve(attempt, caps: AttemptCaps())
                    }
                }
            }
            func counted(_ name: String) async throws -> Int {
                try await store.attempts(
                    of: user.id, nameKey: Sample.key(name), since: Sample.at(1), at: Sample.at(3),
                    as: .localOperator, from: .server
                ).value()
            }
            #expect(try await counted("ada") == 1, "of unknown devices, after the start")
            let answer = try await store.unlock(
                user.id, nameKey: Sample.key("ada"), at: Sample.at(3), as: .localOperator, from: .server)
            #expect(answer == .done(user))
            #expect(try await counted("ada") == 0)
            #expect(try await counted("bob") == 1)
            let caps = AttemptCaps(unknownDevices: 1, knownDevice: 1, windowMilliseconds: 60_000)
            for device in [nil, "phone"] {
                let ada = Sample.attempt("ada", device: device, at: Sample.at(3))
                #expect(try await store.reserve(ada, caps: caps).reservation != nil)
                let bob = Sample.attempt("bob", device: device, at: Sample.at(3))
                #expect(try await store.reserve(bob, caps: caps).reservation == nil)
            }
        },
    ]

    private static let lastAdministrator: [StorePromise] = [
        StorePromise("the last enabled administrator is not deleted, disabled or demoted, by whomever") {
            store async throws in
            let last = try await Sample.administrator("root", in: store)
            // None of these takes its place.
            let disabled = try await Sample.administrator("disabled", in: store)
            _ = try await store.setEnabled(false, of: disabled.id, at: Sample.start)
            for role in ["admins", "xadmin", "admin.x"] {
                _ = try await store.create(Sample.newUser("u-\(role)", roles: [role, "b"]))
            }
            let before = try await (store.everyUser(), store.everyEntry())
            for authority in [Authority.localOperator, last.authority] {
                for change in [
                    UserChange(roles: []), UserChange(isEnabled: false), UserChange(roles: [.admin], isEnabled: false),
                ] {
                    let answer = try await store.update(
                        last.id, change, at: Sample.at(1), as: authority, from: .server)
                    #expect(answer.conflict == .lastAdministrator)
                }
                let answer = try await store.delete(last.id, at: Sample.at(1), as: authority, from: .server)
                #expect(answer.conflict == .lastAdministrator)
            }
            let after = try await (store.everyUser(), store.everyEntry())
            #expect(after.0 == before.0)
            // Nothing but the refusals is written.
            let told = after.1.dropFirst(before.1.count)
            #expect(Array(after.1.prefix(before.1.count)) == before.1 && told.count == 8)
            #expect(
                told.allSatisfy {
                    $0.event == .administrationRefused && $0.user == last.id && $0.detail == "last administrator"
                })
            #expect(told.map(\.actor) == (0..<8).map { $0 < 4 ? .localOperator : .user(last.id) })
            let roles = try [#require(Role("a")), .admin]
            let other = try await store.update(
                last.id, UserChange(roles: roles), at: Sample.at(1), as: last.authority, from: .server)
            #expect(try other.value().user.roles == roles)
        },
        StorePromise("an administrator may delete or demote itself where another remains") { store async throws in
            let first = try await Sample.administrator("first", in: store)
            let second = try await Sample.administrator("second", in: store)
            _ = try await Sample.administrator("third", in: store)
            #expect(
                try await store.delete(first.id, at: Sample.at(1), as: first.authority, from: .server).value().count
                    == 1)
            let demoted = try await store.update(
                second.id, UserChange(roles: []), at: Sample.at(1), as: second.authority, from: .server)
            #expect(try demoted.value().user.roles.isEmpty)
        },
        StorePromise("two administrators who take each other's rights in parallel leave one, in every way there is") {
            store async throws in
            var survivor = try await Sample.administrator("root", in: store)
            for round in 0..<24 {
                let pair = [survivor, try await Sample.administrator("root-\(round)", in: store)]
                _ = try await inParallel(2) { index in
                    let (actor, victim) = (pair[index], pair[1 - index])
                    switch (round + index) % 3 {
                    case 0: _ = try await store.delete(victim.id, at: Sample.at(1), as: actor.authority, from: .server)
                    case 1:
                        _ = try await store.update(
                            victim.id, UserChange(roles: []), at: Sample.at(1), as: actor.authority, from: .server)
                    default:
                        _ = try await store.update(
                            victim.id, UserChange(isEnabled: false), at: Sample.at(1), as: actor.authority,
                            from: .server)
                    }
                }
                let left = try await store.everyUser().filter(isEnabledAdministrator)
                #expect(left.count == 1, "round \(round)")
                survivor = try #require(left.first)
            }
        },
        StorePromise("however many administrators demote themselves at once, one stays") { store async throws in
            let all = try await inParallel(20) { try await Sample.administrator("root-\($0)", in: store) }
            let answers = try await inParallel(20) { index in
                try await store.update(
                    all[index].id, UserChange(roles: []), at: Sample.at(1), as: all[index].authority, from: .server)
            }
            #expect(answers.count { $0.conflict == .lastAdministrator } == 1)
            #expect(try await store.everyUser().count(where: isEnabledAdministrator) == 1)
        },
    ]
}
