import JWT
import OpenSSL
import Passwords
import Reactor
import StoreConformance
import Testing

@testable import Auth

@Suite struct PasswordServiceTests {
    /// Services over stores in memory, with one account and two sessions of it.
    struct Rig {
        let store = MemoryStore()
        let throttle: LockedThrottle
        let hasher: CountingHasher
        let publisher = SetPublisher()
        let audit = MemoryAudit()
        let state: TestState
        let login: LoginService
        let service: PasswordService
        let alice = Identifier(high: 0x7000, low: 1)
        let old = "seven owls at noon knit"
        let new = "nine herons over the lake"

        init(
            caps: AttemptCaps = AttemptCaps(), limits: ThrottleLimits = ThrottleLimits(),
            oneTime: StoredPassword.OneTime? = nil,
            hasher wrap: (CountingHasher, MemoryStore) -> any PasswordHasher = { hasher, _ in hasher }
        ) async throws {
            let cheap = try #require(PasswordHashParameters(memoryKiB: 64, iterations: 1))
            throttle = LockedThrottle(ThrottleTable(limits: limits))
            hasher = CountingHasher(cheap)
            let state = TestState(try await TestKeys.ring())
            self.state = state
            let check = try PasswordCheck(
                throttle: throttle, attempts: store, hasher: hasher, caps: caps, parameters: cheap,
                state: { state.current })
            let issuer = TokenIssuer(issuer: "https://issuer", audience: "api")
            login = LoginService(
                check: check, users: store, sessions: store, hasher: hasher, publisher: publisher, audit: audit,
                issuer: issuer, parameters: cheap, state: { state.current })
            service = PasswordService(
                check: check, users: store, passwords: store, hasher: wrap(hasher, store), publisher: publisher,
                audit: audit, issuer: issuer, state: { state.current })
            let phc = try PasswordHash.hash(Array(old.utf8).span.bytes, parameters: cheap)
            _ = try await store.create(
                NewUser(
                    id: alice, username: Username("alice")!, roles: [],
                    password: StoredPassword(hash: phc, oneTime: oneTime), createdAt: testStart))
        }

        func open(_ password: String? = nil) async throws -> SessionTokens {
            let request = LoginRequest(
                username: "alice", password: password ?? old, address: ClientAddress("192.0.2.1")!)
            guard case .granted(let tokens) = await login.login(request) else { throw Refused() }
            return tokens
        }

        func change(
            _ session: SessionTokens, version: Int64 = 1, from old: String? = nil, to new: String? = nil
        ) async -> PasswordReply {
            await service.change(request(session, version: version, from: old, to: new))
        }

        func request(
            _ session: SessionTokens, version: Int64 = 1, from old: String? = nil, to new: String? = nil
        ) -> PasswordRequest {
            let subject = RevocationSubject(
                user: session.user, session: session.session, token: session.session, userVersion: version,
                generation: 0)
            return PasswordRequest(
                oldPassword: old ?? self.old, newPassword: new ?? self.new, subject: subject,
                address: ClientAddress("192.0.2.1")!, requestID: "r")
        }

        /// Nothing is held: no place in the queue, no attempt.
        func expectNothingHeld(attempts: Int = 0, sourceLocation: SourceLocation = #_sourceLocation) async {
            #expect(hasher.counts.withLock { $0.open } == 0, sourceLocation: sourceLocation)
            #expect(await store.attemptCount() == attempts, sourceLocation: sourceLocation)
        }
    }

    struct Refused: Error {}

    @Test func `what cannot be is refused before anything is counted or hashed`() async throws {
        let rig = try await Rig()
        let session = try await rig.open()
        let hashes = rig.hasher.counts.withLock { $0.compared + $0.hashed }
        let long = String(repeating: "x", count: 1025)
        #expect(await rig.change(session, from: long) == .oldPasswordTooLong)
        #expect(await rig.change(session, to: long) == .passwordRefused(.tooLong(maximumBytes: 1024)))
        #expect(await rig.change(session, to: "fourteen chars") == .passwordRefused(.tooShort(minimum: 15)))
        #expect(await rig.change(session, to: "alice-alice-alice") == .passwordRefused(.tooCommon))
        #expect(await rig.change(session, to: rig.old) == .unchanged)
        #expect(await rig.change(session, from: "un cafe\u{301} tre\u{300}s", to: "un café très") != .unchanged)
        let accents = (decomposed: "un cafe\u{301} tre\u{300}s serre\u{301}", composed: "un café très serré")
        #expect(await rig.change(session, from: accents.decomposed, to: accents.composed) == .unchanged)
        #expect(rig.hasher.counts.withLock { $0.compared + $0.hashed } == hashes)
        #expect(await !rig.store.calls.contains("changePassword"))
        await rig.expectNothingHeld()
    }

    @Test func `a wrong old password counts as a wrong login does, and is told to the audit`() async throws {
        let rig = try await Rig()
        let session = try await rig.open()
        for _ in 0..<5 { #expect(await rig.change(session, from: "wrong") == .wrongPassword) }
        #expect(await rig.store.attemptCount() == 5)
        #expect(
            await rig.change(session) == .throttled(by: .accountAndAddress, retryAfterMilliseconds: 30_000))
        await rig.expectNothingHeld(attempts: 5)
        let entries = rig.audit.entries
        #expect(entries.map(\.event) == Array(repeating: .passwordChangeFailed, count: 6))
        #expect(entries.map(\.detail).first == "wrong password")
        #expect(entries.map(\.detail).last == "throttled by accountAndAddress")
        #expect(entries.allSatisfy { $0.user == rig.alice && $0.session == session.session })
        #expect(entries.allSatisfy { $0.actor == .user(rig.alice) && $0.origin.requestID == "r" })
    }

    @Test func `the account's cap holds against the right old password, and one hash is spent all the same`()
        async throws
    {
        let rig = try await Rig(caps: AttemptCaps(unknownDevices: 2, knownDevice: 2, windowMilliseconds: 86_400_000))
        let session = try await rig.open()
        for _ in 0..<2 { #expect(await rig.change(session, from: "wrong") == .wrongPassword) }
        let compared = rig.hasher.counts.withLock { $0.compared }
        #expect(await rig.change(session) == .wrongPassword)
        #expect(rig.hasher.counts.withLock { $0.compared } == compared + 1)
        #expect(rig.audit.entries.last?.detail == "locked")
        await rig.expectNothingHeld(attempts: 2)
    }

    @Test func `a full queue, a failed hash and a store that is away are 503 and count nothing`() async throws {
        let rig = try await Rig()
        let session = try await rig.open()
        rig.hasher.counts.withLock { $0.admissionFailure = .overloaded(retryAfterMilliseconds: 700) }
        for _ in 0..<8 { #expect(await rig.change(session) == .overloaded(retryAfterMilliseconds: 700)) }
        rig.hasher.counts.withLock { $0.admissionFailure = nil }
        rig.hasher.counts.withLock { $0.failure = .failed }
        for _ in 0..<8 { #expect(await rig.change(session) == .unavailable) }
        rig.hasher.counts.withLock { $0.failure = nil }
        await rig.store.setAway(true)
        for _ in 0..<8 { #expect(await rig.change(session) == .unavailable) }
        await rig.store.setAway(false)
        await rig.expectNothingHeld()
        guard case .changed = await rig.change(session) else {
            Issue.record("a failure was kept")
            return
        }
    }

    @Test func `a change gives a new pair, ends the other sessions and kills the old access token`() async throws {
        let rig = try await Rig()
        let (mine, other) = (try await rig.open(), try await rig.open())
        guard case .changed(let tokens) = await rig.change(mine) else {
            Issue.record("refused")
            return
        }
        #expect(tokens.session == mine.session)
        #expect(tokens.refreshToken != mine.refreshToken)
        let sessions = try await rig.store.sessions(of: rig.alice)
        #expect(sessions.map(\.id) == [mine.session] && sessions.map(\.id) != [other.session])
        let set = rig.publisher.set.withLock { $0 }
        for (version, isRevoked) in [(1, true), (2, false)] as [(Int64, Bool)] {
            let subject = RevocationSubject(
                user: rig.alice, session: mine.session, token: mine.session, userVersion: version, generation: 0)
            #expect(set.isRevoked(subject) == isRevoked)
        }
        let keys = rig.state.current.keys
        let verifier = try AccessTokenVerifier(
            keys: keys.verification, issuer: "https://issuer", audience: "api", leewaySeconds: 0)
        #expect(try verifier.verify(tokens.accessToken, now: testStart.seconds).claims.userVersion == 2)
        #expect(try RefreshToken(tokens.refreshToken, keys: keys.refresh).counter == 1)
        await rig.expectNothingHeld()
        #expect(try await rig.open(rig.new).user == rig.alice)
        await #expect(throws: Refused.self) { try await rig.open() }
    }

    @Test func `a token of another version, of a disabled or of a deleted account is over`() async throws {
        let rig = try await Rig()
        let session = try await rig.open()
        #expect(await rig.change(session, version: 2) == .gone)
        await rig.store.change(rig.alice) { $0.isEnabled = false }
        #expect(await rig.change(session) == .gone)
        await rig.expectNothingHeld()
        #expect(rig.audit.entries == [])
    }

    @Test func `a change that another one overtakes is refused and counts nothing`() async throws {
        let rig = try await Rig(hasher: { hasher, store in
            ChangingHasher(
                hasher,
                duringHash: { await store.set(StoredPassword(hash: "other"), of: Identifier(high: 0x7000, low: 1)) })
        })
        let session = try await rig.open()
        #expect(await rig.change(session) == .stale)
        await rig.expectNothingHeld()
        #expect(rig.audit.entries.map(\.event) == [.passwordChangeFailed])
        #expect(rig.audit.entries.last?.detail == "another change came first")
        #expect(rig.audit.entries.last?.user == rig.alice)
        #expect(await rig.store.passwordHash(of: rig.alice) == "other")
    }

    @Test func `a one-time password opens one session that says so, and changes itself for an ordinary one`()
        async throws
    {
        let rig = try await Rig(oneTime: StoredPassword.OneTime(expiresAt: testStart.adding(seconds: 60)))
        let session = try await rig.open()
        #expect(session.mustChangePassword)
        await #expect(throws: Refused.self) { try await rig.open() }
        #expect(rig.audit.entries.last?.detail == "one-time password used or expired")
        rig.state.advance(milliseconds: 3_600_000)
        guard case .changed(let tokens) = await rig.change(session) else {
            Issue.record("refused")
            return
        }
        #expect(!tokens.mustChangePassword)
        for _ in 0..<2 { #expect(try await rig.open(rig.new).mustChangePassword == false) }
    }

    @Test func `an expired one-time password opens nothing`() async throws {
        let rig = try await Rig(oneTime: StoredPassword.OneTime(expiresAt: testStart))
        await #expect(throws: Refused.self) { try await rig.open() }
        #expect(try await rig.store.sessions(of: rig.alice) == [])
        #expect(rig.audit.entries.last?.detail == "one-time password used or expired")
    }

    @Test func `a request shows no password`() async throws {
        let rig = try await Rig()
        let request = rig.request(try await rig.open())
        var text = "\(request) \(String(reflecting: request))"
        dump(request, to: &text)
        #expect(!text.contains("owls") && !text.contains("herons"))
    }
}
