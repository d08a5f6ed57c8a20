import Auth
import Testing

extension StoreContract {
    private static let caps = AttemptCaps(unknownDevices: 100, knownDevice: 20, windowMilliseconds: 86_400_000)
    private static let few = AttemptCaps(unknownDevices: 2, knownDevice: 1, windowMilliseconds: 60_000)

    package static let attempts: [StorePromise] = [
        StorePromise("one look-up answers the account with its hash, disabled ones too, and nobody for no account") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let known = try await store.reserve(Sample.attempt("ada"), caps: caps)
            #expect(known.user == user && known.password?.hash == "$argon2id$sample" && known.reservation != nil)
            _ = try await store.setEnabled(false, of: user.id, at: Sample.start)
            let disabled = try await store.reserve(Sample.attempt("ada"), caps: caps)
            #expect(disabled.user?.isEnabled == false && disabled.password != nil && disabled.reservation != nil)
            let unknown = try await store.reserve(Sample.attempt("eve"), caps: caps)
            #expect(unknown.user == nil && unknown.password == nil && unknown.reservation != nil)
        },
        StorePromise("of 150 parallel attempts at one name exactly the cap is granted, account or none") {
            store async throws in
            _ = try await Sample.user("ada", in: store)
            for name in ["ada", "nobody"] {
                let answers = try await inParallel(150) {
                    try await store.reserve(Sample.attempt(name, address: "address-\($0)"), caps: caps)
                }
                let granted = answers.compactMap(\.reservation?.id)
                #expect(granted.count == 100)
                #expect(Set(granted).count == 100)
                #expect(answers.allSatisfy { ($0.user != nil) == (name == "ada") })
            }
        },
        StorePromise("an attempt counts until its window is over, and the lock ends by itself") { store async throws in
            #expect(try await granted("ada", at: 0, store))
            #expect(try await granted("ada", at: 30, store))
            #expect(try await !granted("ada", at: 59, store))
            #expect(try await granted("ada", at: 60, store))
            #expect(try await !granted("ada", at: 89, store))
            #expect(try await granted("ada", at: 90, store))
        },
        StorePromise("a refused attempt is not counted: it does not make the lock longer") { store async throws in
            for second in [0, 0] { #expect(try await granted("ada", at: Int64(second), store)) }
            for second in 1..<60 { #expect(try await !granted("ada", at: Int64(second), store)) }
            #expect(try await granted("ada", at: 60, store))
        },
        StorePromise("names are counted apart") { store async throws in
            for _ in 0..<3 { _ = try await granted("ada", at: 0, store) }
            #expect(try await granted("bob", at: 0, store))
        },
        StorePromise("each known device has a cap of its own, apart from the unknown ones") { store async throws in
            for _ in 0..<3 { _ = try await granted("ada", at: 0, store) }
            #expect(try await granted("ada", device: "phone", at: 0, store))
            #expect(try await !granted("ada", device: "phone", at: 0, store))
            #expect(try await granted("ada", device: "laptop", at: 0, store))
            #expect(try await granted("bob", device: "phone", at: 0, store))
            #expect(try await granted("bob", at: 0, store))
        },
        StorePromise("an attempt is given back once, however often it is asked for") { store async throws in
            let first = try await store.reserve(Sample.attempt("ada"), caps: few)
            let second = try await store.reserve(Sample.attempt("ada"), caps: few)
            let reservation = try #require(first.reservation)
            try #require(second.reservation != nil)
            _ = try await inParallel(10) { _ in try await store.giveBack(reservation) }
            #expect(try await granted("ada", at: 0, store))
            #expect(try await !granted("ada", at: 0, store))
        },
        StorePromise("giving back late takes nobody else's attempt: reservations are never named again") {
            store async throws in
            let first = try #require(try await store.reserve(Sample.attempt("ada"), caps: few).reservation)
            try await store.giveBack(first)
            #expect(try await granted("bob", at: 0, store))
            #expect(try await granted("bob", at: 0, store))
            try await store.giveBack(first)
            #expect(try await !granted("bob", at: 0, store))
        },
        StorePromise("a success gives back what its address failed, and leaves the others' failures") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            for address in ["home", "home", "elsewhere"] {
                _ = try await store.reserve(Sample.attempt("ada", address: address), caps: caps)
            }
            let last = try await reservation(Sample.attempt("ada", address: "home"), store)
            let opening = try await store.open(
                Sample.session(of: user), maximumPerUser: 100, givingBack: last)
            #expect(opening == .opened(revocations: []))
            #expect(try await room("ada", store) == 99)
        },
        StorePromise("a success gives back what its device failed, from wherever it was") { store async throws in
            let user = try await Sample.user("ada", in: store)
            for address in ["train", "office"] {
                _ = try await store.reserve(Sample.attempt("ada", device: "phone", address: address), caps: caps)
            }
            _ = try await store.reserve(Sample.attempt("ada", device: "laptop", address: "office"), caps: caps)
            let last = try await reservation(Sample.attempt("ada", device: "phone", address: "home"), store)
            _ = try await store.open(
                Sample.session(of: user), maximumPerUser: 100, givingBack: last)
            #expect(try await room("ada", device: "phone", store) == 20)
            #expect(try await room("ada", device: "laptop", store) == 19)
        },
        StorePromise("a success at one name gives back nothing of another's") { store async throws in
            let user = try await Sample.user("ada", in: store)
            _ = try await store.reserve(Sample.attempt("bob", address: "home"), caps: caps)
            let last = try await reservation(Sample.attempt("ada", address: "home"), store)
            _ = try await store.open(
                Sample.session(of: user), maximumPerUser: 100, givingBack: last)
            #expect(try await room("bob", store) == 99)
        },
        StorePromise("a session that is not opened gives nothing back") { store async throws in
            let user = try await Sample.user("ada", in: store)
            let attempt = try await store.reserve(Sample.attempt("ada"), caps: caps)
            _ = try await store.setEnabled(false, of: user.id, at: Sample.start)
            let opening = try await store.open(
                Sample.session(of: user), maximumPerUser: 100, givingBack: attempt.reservation)
            #expect(opening == .userChanged)
            #expect(try await room("ada", store) == 99)
        },
        StorePromise("pruning takes only attempts that no window holds") { store async throws in
            for second in 0..<50 {
                _ = try await store.reserve(Sample.attempt("ada", at: Sample.at(Int64(second))), caps: caps)
            }
            var pruned = 0
            while case let count = try await store.pruneAttempts(countedUntil: Sample.at(29)), count > 0 {
                pruned += count
            }
            #expect(pruned == 30)
            #expect(try await room("ada", store) == 80)
        },
    ]

    private static func reservation(
        _ attempt: LoginAttempt, _ store: any Stores
    ) async throws -> AttemptReservation {
        try #require(try await store.reserve(attempt, caps: caps).reservation)
    }

    private static func granted(
        _ name: String, device: String? = nil, at second: Int64, _ store: any Stores
    ) async throws -> Bool {
        let attempt = Sample.attempt(name, device: device, at: Sample.at(second))
        return try await store.reserve(attempt, caps: few).reservation != nil
    }

    /// How many attempts the caps still grant; uses them up.
    private static func room(_ name: String, device: String? = nil, _ store: any Stores) async throws -> Int {
        try await inParallel(120) { _ in
            try await store.reserve(Sample.attempt(name, device: device, address: "probe"), caps: caps)
        }.count { $0.reservation != nil }
    }
}
