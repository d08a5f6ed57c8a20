import OpenSSL
import Passwords
import Reactor
import StoreConformance
import TestSupport
import Testing

@testable import Auth

@Suite struct RegistrationServiceTests {
    struct Rig {
        let store = MemoryStore()
        let throttle: LockedThrottle
        let desk: LockedDesk
        let hasher: CountingHasher
        let audit = MemoryAudit()
        let state: TestState
        let service: RegistrationService
        let password = "nine herons over the lake"

        init(
            perHour: Int = 20, desk: LockedDesk = LockedDesk(),
            wrapping: (CountingHasher) -> any PasswordHasher = { $0 }
        ) async throws {
            var limits = ThrottleLimits()
            limits.limitRegistrations(perHour: perHour)
            throttle = LockedThrottle(ThrottleTable(limits: limits))
            self.desk = desk
            hasher = CountingHasher(try #require(PasswordHashParameters(memoryKiB: 64, iterations: 1)))
            let state = TestState(try await TestKeys.ring())
            self.state = state
            service = RegistrationService(
                throttle: throttle, desk: desk, users: store, hasher: wrapping(hasher), audit: audit,
                state: { state.current })
        }

        func register(
            _ name: String, _ password: String? = nil, from address: String = "192.0.2.1"
        ) async -> RegistrationResult {
            await service.register(
                RegistrationRequest(
                    username: name, password: password ?? self.password,
                    origin: RequestOrigin(address: ClientAddress(address)!, requestID: "r")))
        }

        func isRegistered(_ result: RegistrationResult) -> Bool {
            if case .registered = result { true } else { false }
        }
    }

    @Test func `a throttled registration is told, with the address and without the name`() async throws {
        let rig = try await Rig(perHour: 1)
        #expect(rig.isRegistered(await rig.register("alice")))
        #expect(rig.audit.entries == [])
        guard case .throttled(let rule, _) = await rig.register("bob") else { throw Unthrottled() }
        #expect(
            rig.audit.entries == [
                AuditEntry(
                    at: rig.state.current.now, event: .registrationThrottled, actor: .anonymous,
                    origin: RequestOrigin(address: ClientAddress("192.0.2.1"), requestID: "r"), detail: "\(rule)")
            ])
    }

    private struct Unthrottled: Error {}

    @Test(arguments: ["", " ", "a ", "\u{0}", "a\u{200B}b", "a\nb", String(repeating: "x", count: 255), "\u{FEFF}a"])
    func `a name that no account can have is refused without a hash`(_ name: String) async throws {
        let rig = try await Rig()
        for _ in 0..<50 { #expect(await rig.register(name) == .invalidUsername) }
        #expect(await rig.store.calls == [])
        #expect(rig.hasher.counts.withLock { $0.hashed } == 0)
    }

    @Test func `a password that may not be is refused by what is wrong with it, before any hash`() async throws {
        let rig = try await Rig()
        let cases: [(String, PasswordProblem)] = [
            ("", .tooShort(minimum: 15)), ("fourteen chars", .tooShort(minimum: 15)),
            (String(repeating: "x", count: 1025), .tooLong(maximumBytes: 1024)),
            ("passwordpassword", .tooCommon), ("alice-alice-alice", .tooCommon),
        ]
        for (password, problem) in cases {
            #expect(await rig.register("alice", password) == .passwordRefused(problem), "\(password.count)")
        }
        #expect(await rig.store.calls == [])
        #expect(rig.hasher.counts.withLock { $0.hashed } == 0)
        #expect(rig.desk.count == 0)
    }

    @Test func `an address registers as often as it may, what was refused by a rule not counted`() async throws {
        let rig = try await Rig(perHour: 3)
        for _ in 0..<10 { #expect(await rig.register("alice", "short") == .passwordRefused(.tooShort(minimum: 15))) }
        for index in 0..<3 { #expect(rig.isRegistered(await rig.register("user\(index)"))) }
        await rig.store.resetCalls()
        #expect(
            await rig.register("user3") == .throttled(by: .registrationAddress, retryAfterMilliseconds: 1_200_000))
        #expect(await rig.register("user3", "short") != .passwordRefused(.tooShort(minimum: 15)))
        #expect(await rig.store.calls == [])
        #expect(rig.isRegistered(await rig.register("user3", from: "198.51.100.1")))
        rig.state.advance(milliseconds: 1_200_000)
        #expect(rig.isRegistered(await rig.register("user4")))
    }

    @Test func `a network bears five addresses' worth and a taken name counts`() async throws {
        let rig = try await Rig(perHour: 2)
        #expect(rig.isRegistered(await rig.register("alice", from: "192.0.2.1")))
        for index in 0..<9 { #expect(await rig.register("ALICE", from: "192.0.2.\(2 + index)") == .usernameTaken) }
        #expect(
            await rig.register("bob", from: "192.0.2.99")
                == .throttled(by: .registrationNetwork, retryAfterMilliseconds: 360_000))
        for index in 0..<40 {
            #expect(await rig.register("alice", from: "2001:db8:0:\(index)::1") == .usernameTaken)
        }
        #expect(
            await rig.register("bob", from: "2001:db8:0:ffff::1")
                == .throttled(by: .registrationSite, retryAfterMilliseconds: 90_000))
    }

    @Test func `a full hash pool and a store that is away are 503 and give the reservation back`() async throws {
        let rig = try await Rig(perHour: 1)
        rig.hasher.counts.withLock { $0.admissionFailure = .overloaded(retryAfterMilliseconds: 700) }
        for _ in 0..<5 { #expect(await rig.register("alice") == .overloaded(retryAfterMilliseconds: 700)) }
        #expect(await rig.store.calls == [])
        rig.hasher.counts.withLock { $0.admissionFailure = nil }
        await rig.store.setAway(true)
        for _ in 0..<5 { #expect(await rig.register("alice") == .unavailable) }
        await rig.store.setAway(false)
        #expect(rig.isRegistered(await rig.register("alice")))
        #expect(rig.desk.count == 0)
        #expect(rig.hasher.counts.withLock { $0.open } == 0)
    }

    @Test func `who registers gets no role and may log in`() async throws {
        let rig = try await Rig()
        guard case .registered(let id, let name) = await rig.register("Zoë") else {
            Issue.record("refused")
            return
        }
        #expect(name.text == "zoe\u{308}" || name.text == "zoë")
        let user = try #require(try await rig.store.user(id))
        #expect(user.roles == [] && user.isEnabled && user.version == 1)
        #expect(await rig.store.passwordHash(of: id)?.hasPrefix("$argon2id$") == true)
    }

    @Test func `of 200 who want one name at once one gets it for one hash, and the others hear of it`() async throws {
        let gate = GatedHasher.Gate()
        let rig = try await Rig(perHour: 1000) { GatedHasher($0, gate) }
        let results = await withTaskGroup(of: RegistrationResult.self) { group in
            for _ in 0..<200 { group.addTask { await rig.register("alice") } }
            await until { rig.desk.entered == 200 }
            await gate.open()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count(where: rig.isRegistered) == 1)
        #expect(results.count { $0 == .usernameTaken } == 199)
        #expect(rig.hasher.counts.withLock { $0.hashed } == 1)
        #expect(rig.desk.count == 0)
    }

    @Test func `when the one that is hashed leaves, the next goes on`() async throws {
        let gate = GatedHasher.Gate()
        let rig = try await Rig { GatedHasher($0, gate) }
        let leaving = Task { await rig.register("alice") }
        await until { rig.desk.entered == 1 }
        let staying = Task { await rig.register("alice") }
        await until { rig.desk.entered == 2 }
        leaving.cancel()
        await gate.open()
        #expect(await leaving.value == .overloaded(retryAfterMilliseconds: 5))
        #expect(rig.isRegistered(await staying.value))
    }

    @Test func `more names at once than there is room for are told to come again`() async throws {
        let gate = GatedHasher.Gate()
        let rig = try await Rig(desk: LockedDesk(RegistrationTable(capacity: 1))) { GatedHasher($0, gate) }
        let first = Task { await rig.register("alice") }
        await until { await gate.arrivals == 1 }
        #expect(await rig.register("bob") == .overloaded(retryAfterMilliseconds: 1000))
        await gate.open()
        #expect(rig.isRegistered(await first.value))
        #expect(rig.isRegistered(await rig.register("bob")))
    }

    @Test func `a request shows no password`() {
        let origin = RequestOrigin(address: nil, requestID: nil)
        let request = RegistrationRequest(username: "alice", password: "nine herons over", origin: origin)
        #expect(!"\(request)".contains("herons") && !String(reflecting: request).contains("herons"))
        var text = ""
        dump(request, to: &text)
        #expect(!text.contains("herons"))
    }
}

/// Hashes when it is let, and drops the hash of whom was cancelled meanwhile, as a pool does.
struct GatedHasher: PasswordHasher {
    actor Gate {
        private(set) var arrivals = 0
        private var isOpen = false
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func pass() async {
            arrivals += 1
            if !isOpen { await withCheckedContinuation { waiting.append($0) } }
        }

        func open() {
            isOpen = true
            for continuation in waiting { continuation.resume() }
            waiting = []
        }
    }

    let inner: CountingHasher
    let gate: Gate

    init(_ inner: CountingHasher, _ gate: Gate) {
        self.inner = inner
        self.gate = gate
    }

    func admit() throws(HashingError) -> HashAdmission { try inner.admit() }
    func withdraw(_ admission: HashAdmission) { inner.withdraw(admission) }
    func isMatch(
        _ password: SecretBytes, phc: String, admission: HashAdmission, keepsPlace: Bool
    ) async throws(HashingError) -> Bool {
        try await inner.isMatch(password, phc: phc, admission: admission, keepsPlace: keepsPlace)
    }
    func hash(_ password: SecretBytes, admission: HashAdmission) async throws(HashingError) -> String {
        await gate.pass()
        if Task.isCancelled {
            inner.withdraw(admission)
            throw .overloaded(retryAfterMilliseconds: 5)
        }
        return try await inner.hash(password, admission: admission)
    }
}
