import JWT
import OpenSSL
import Passwords
import Reactor
import StoreConformance
import Testing

@testable import Auth

@Suite struct LoginServiceTests {
    /// A service over stores in memory, with one account: alice, "correct password".
    struct Rig {
        let store = MemoryStore()
        let throttle: LockedThrottle
        let hasher: CountingHasher
        let publisher = SetPublisher()
        let audit = MemoryAudit()
        let state: TestState
        let service: LoginService
        let alice = Identifier(high: 0x7000, low: 1)

        init(
            caps: AttemptCaps = AttemptCaps(), limits: ThrottleLimits = ThrottleLimits(),
            parameters: PasswordHashParameters? = nil
        ) async throws {
            let cheap = try #require(PasswordHashParameters(memoryKiB: 64, iterations: 1))
            throttle = LockedThrottle(ThrottleTable(limits: limits))
            hasher = CountingHasher(parameters ?? cheap)
            let state = TestState(try await TestKeys.ring())
            self.state = state
            let check = try PasswordCheck(
                throttle: throttle, attempts: store, hasher: hasher, caps: caps, parameters: parameters ?? cheap,
                state: { state.current })
            service = LoginService(
                check: check, users: store, sessions: store, hasher: hasher, publisher: publisher, audit: audit,
                issuer: TokenIssuer(issuer: "https://issuer", audience: "api"), parameters: parameters ?? cheap,
                state: { state.current })
            let phc = try PasswordHash.hash(Array("correct password".utf8).span.bytes, parameters: cheap)
            _ = try await store.create(
                NewUser(
                    id: alice, username: Username("alice")!, roles: [.admin], password: StoredPassword(hash: phc),
                    createdAt: testStart))
        }

        func login(_ name: String, _ password: String, from address: String = "192.0.2.1") async -> LoginResult {
            await service.login(
                LoginRequest(username: name, password: password, address: ClientAddress(address)!))
        }

        /// What a login cost: calls of the store, comparisons, hashes, places still held.
        func cost(_ name: String, _ password: String) async -> (LoginResult, [String], CountingHasher.Counts) {
            await store.resetCalls()
            hasher.counts.withLock { $0 = CountingHasher.Counts() }
            let result = await login(name, password)
            var counts = hasher.counts.withLock { $0 }
            counts.next = 0
            return (result, await store.calls, counts)
        }
    }

    @Test func `the right password opens a session with both tokens`() async throws {
        let rig = try await Rig()
        guard case .granted(let tokens) = await rig.login("Alice", "correct password") else {
            Issue.record("refused")
            return
        }
        #expect(tokens.expiresInSeconds == 900)
        let keys = rig.state.current.keys
        let verifier = try AccessTokenVerifier(
            keys: keys.verification, issuer: "https://issuer", audience: "api", leewaySeconds: 0)
        let claims = try verifier.verify(tokens.accessToken, now: testStart.seconds).claims
        #expect(claims.subject == rig.alice.description)
        #expect(claims.roles == ["admin"])
        #expect(claims.clientID == "portcullis")
        #expect(claims.notBefore == claims.issuedAt - 5)
        #expect(claims.expiresAt == claims.issuedAt + 900)
        #expect(claims.authTime == testStart.seconds)
        let refresh = try RefreshToken(tokens.refreshToken, keys: keys.refresh)
        #expect(refresh.counter == 0)
        #expect(refresh.sessionID.description == claims.sessionID)
        #expect(try await rig.store.sessions(of: rig.alice).map(\.id) == [tokens.session])
        #expect(await rig.store.attemptCount() == 0)
    }

    @Test func `unknown, wrong, disabled and locked cost and answer the same`() async throws {
        let wrong = try await Rig().cost("alice", "wrong password")
        let unknown = try await Rig().cost("nobody", "correct password")
        let disabledRig = try await Rig()
        await disabledRig.store.change(disabledRig.alice) { $0.isEnabled = false }
        let disabled = await disabledRig.cost("alice", "correct password")
        let lockedRig = try await Rig(
            caps: AttemptCaps(unknownDevices: 0, knownDevice: 0, windowMilliseconds: 86_400_000))
        let locked = await lockedRig.cost("alice", "correct password")
        for (result, calls, counts) in [wrong, unknown, disabled, locked] {
            #expect(result == .refused)
            #expect(calls == ["reserve"])
            #expect(counts.compared == 1)
            #expect(counts.hashed == 0)
            #expect(counts.open == 0)
        }
    }

    @Test func `failures stay counted and successes do not`() async throws {
        let rig = try await Rig()
        for _ in 0..<3 { #expect(await rig.login("alice", "wrong password") == .refused) }
        #expect(await rig.store.attemptCount() == 3)
        for _ in 0..<10 {
            guard case .granted = await rig.login("alice", "correct password") else {
                Issue.record("refused")
                return
            }
        }
        #expect(await rig.store.attemptCount() == 3)
    }

    @Test func `the throttle holds before any store or hash is asked`() async throws {
        let rig = try await Rig()
        for _ in 0..<5 { #expect(await rig.login("alice", "wrong password") == .refused) }
        let (result, calls, counts) = await rig.cost("alice", "correct password")
        #expect(result == .throttled(by: .accountAndAddress, retryAfterMilliseconds: 30_000))
        #expect(calls == [])
        #expect(counts.compared == 0)
        guard case .granted = await rig.login("alice", "correct password", from: "198.51.100.7") else {
            Issue.record("held elsewhere too")
            return
        }
        rig.state.advance(milliseconds: 30_000)
        guard case .granted = await rig.login("alice", "correct password") else {
            Issue.record("still held")
            return
        }
    }

    @Test func `a full hash pool costs no transaction and gives back what was reserved`() async throws {
        let rig = try await Rig()
        for _ in 0..<50 {
            rig.hasher.counts.withLock { $0.admissionFailure = .overloaded(retryAfterMilliseconds: 700) }
            await rig.store.resetCalls()
            #expect(await rig.login("alice", "correct password") == .overloaded(retryAfterMilliseconds: 700))
            #expect(await rig.store.calls == [])
            rig.state.advance(milliseconds: 5_000)
        }
        rig.hasher.counts.withLock { $0.admissionFailure = nil }
        guard case .granted = await rig.login("alice", "correct password") else {
            Issue.record("a failure was kept")
            return
        }
    }

    @Test func `a hash that was not computed gives both reservations back, once`() async throws {
        let rig = try await Rig()
        for (failure, wanted) in [
            (HashingError.failed, LoginResult.unavailable),
            (.overloaded(retryAfterMilliseconds: 5), .overloaded(retryAfterMilliseconds: 5)),
        ] {
            for name in ["alice", "nobody"] {
                for _ in 0..<8 {
                    rig.hasher.counts.withLock { $0.failure = failure }
                    await rig.store.resetCalls()
                    #expect(await rig.login(name, "correct password") == wanted)
                    #expect(await rig.store.calls == ["reserve", "giveBack"])
                }
            }
        }
        #expect(await rig.store.attemptCount() == 0)
        #expect(rig.hasher.counts.withLock { $0.open } == 0)
    }

    @Test func `a store that is away is 503, hashes nothing, counts nothing, for known and unknown names`() async throws
    {
        let rig = try await Rig()
        await rig.store.setAway(true)
        for name in ["alice", "nobody"] {
            for _ in 0..<8 {
                let (result, calls, counts) = await rig.cost(name, "correct password")
                #expect(result == .unavailable)
                #expect(calls == ["reserve"])
                #expect(counts.compared == 0)
                #expect(counts.open == 0)
            }
        }
        await rig.store.setAway(false)
        guard case .granted = await rig.login("alice", "correct password") else {
            Issue.record("a failure was kept")
            return
        }
    }

    @Test func `an account that changed during the hash gets no session`() async throws {
        let rig = try await Rig()
        let changing = ChangingHasher(rig.hasher) { await rig.store.change(rig.alice) { $0.version += 1 } }
        let state = rig.state
        let check = try PasswordCheck(
            throttle: rig.throttle, attempts: rig.store, hasher: changing, parameters: rig.hasher.parameters,
            state: { state.current })
        let service = LoginService(
            check: check, users: rig.store, sessions: rig.store, hasher: changing, publisher: rig.publisher,
            audit: rig.audit, issuer: TokenIssuer(issuer: "i", audience: "a"), parameters: rig.hasher.parameters,
            state: { state.current })
        let result = await service.login(
            LoginRequest(username: "alice", password: "correct password", address: ClientAddress("192.0.2.1")!))
        #expect(result == .unavailable)
        #expect(try await rig.store.sessions(of: rig.alice) == [])
    }

    @Test func `names and passwords that cannot be are answered without a hash`() async throws {
        let rig = try await Rig()
        let (noName, nameCalls, nameCounts) = await rig.cost("a\0b", "correct password")
        #expect(noName == .refused)
        #expect(nameCalls == [])
        #expect(nameCounts.compared == 0)
        let long = String(repeating: "x", count: 1025)
        for name in ["alice", "nobody"] {
            let (result, calls, counts) = await rig.cost(name, long)
            #expect(result == .passwordTooLong)
            #expect(calls == [])
            #expect(counts.compared == 0)
        }
    }

    @Test func `a hash with grown parameters is stored at login`() async throws {
        let grown = try #require(PasswordHashParameters(memoryKiB: 128, iterations: 1))
        let rig = try await Rig(parameters: grown)
        let (result, calls, _) = await rig.cost("alice", "correct password")
        guard case .granted = result else {
            Issue.record("refused")
            return
        }
        #expect(calls == ["reserve", "open", "rehash"])
        #expect(await rig.store.passwordHash(of: rig.alice)?.contains("m=128,") == true)
        #expect(await rig.cost("alice", "correct password").1 == ["reserve", "open"])
    }
}

/// Does something during the comparison, or during the hash.
struct ChangingHasher: PasswordHasher {
    let inner: CountingHasher
    let during: @Sendable () async -> Void
    let duringHash: @Sendable () async -> Void

    init(
        _ inner: CountingHasher, during: @escaping @Sendable () async -> Void = {},
        duringHash: @escaping @Sendable () async -> Void = {}
    ) {
        self.inner = inner
        self.during = during
        self.duringHash = duringHash
    }

    func admit() throws(HashingError) -> HashAdmission { try inner.admit() }
    func withdraw(_ admission: HashAdmission) { inner.withdraw(admission) }
    func isMatch(
        _ password: SecretBytes, phc: String, admission: HashAdmission, keepsPlace: Bool
    ) async throws(HashingError) -> Bool {
        await during()
        return try await inner.isMatch(password, phc: phc, admission: admission, keepsPlace: keepsPlace)
    }
    func hash(_ password: SecretBytes, admission: HashAdmission) async throws(HashingError) -> String {
        await duringHash()
        return try await inner.hash(password, admission: admission)
    }
}
