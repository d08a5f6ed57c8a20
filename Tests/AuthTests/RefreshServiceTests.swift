import JWT
import OpenSSL
import Reactor
import StoreConformance
import TestSupport
import Testing

@testable import Auth

@Suite struct RefreshServiceTests {
    struct Rig {
        let store = MemoryStore()
        let throttle: LockedThrottle
        let publisher = SetPublisher()
        let keyStore = MemoryKeys()
        let state: TestState
        let service: RefreshService
        let logout: LogoutService
        let user = Identifier(high: 0x7000, low: 1)
        let session = Identifier(high: 0x7000, low: 2)
        let first: String

        init(graceSeconds: Int64 = 60, limits: ThrottleLimits = ThrottleLimits()) async throws {
            let keys = KeyService(store: keyStore, master: try TestKeys.master.get(), policy: TestKeys.policy)
            let state = TestState(try await keys.load(at: testStart))
            self.state = state
            throttle = LockedThrottle(ThrottleTable(limits: limits))
            service = RefreshService(
                throttle: throttle, sessions: store, publisher: publisher,
                issuer: TokenIssuer(issuer: "https://issuer", audience: "api"),
                graceSeconds: graceSeconds, state: { state.current })
            logout = LogoutService(sessions: store, publisher: publisher, state: { state.current })
            _ = try await store.create(
                NewUser(
                    id: user, username: Username("alice")!, roles: [], password: StoredPassword(hash: ""),
                    createdAt: testStart))
            let secret = try SessionSecret.make(for: session, key: state.current.keys.refresh.active)
            await store.set(
                StoredSession(
                    id: session, userID: user, userVersion: 1, createdAt: testStart, lastUsedAt: testStart,
                    idleExpiresAt: testStart.adding(seconds: 7 * 86_400),
                    absoluteExpiresAt: testStart.adding(seconds: 30 * 86_400), counter: 0, rotatedAt: nil,
                    sealedSecret: secret.sealed))
            first = try RefreshToken.text(counter: 0, secret: secret)
            await store.resetCalls()
        }

        func refresh(_ token: String) async throws -> SessionTokens {
            let reply = await service.refresh(token)
            guard case .granted(let tokens) = reply else { throw Refused(reply: reply) }
            return tokens
        }

        func rotateRing() async throws {
            let keys = KeyService(store: keyStore, master: try TestKeys.master.get(), policy: TestKeys.policy)
            let active = state.current.keys.refresh.active.id.hexText
            state.set(try await keys.rotated(.planned(.refresh, active: active), at: state.current.now))
        }
    }

    struct Refused: Error { let reply: RefreshReply }

    @Test func `a refresh rotates once in a grace and repeats with the same bytes and a fresh access token`()
        async throws
    {
        let rig = try await Rig()
        let second = try await rig.refresh(rig.first)
        #expect(second.refreshToken != rig.first)
        let again = try await rig.refresh(rig.first)
        #expect(again.refreshToken == second.refreshToken)
        #expect(again.accessToken != second.accessToken)
        let current = try await rig.refresh(second.refreshToken)
        #expect(current.refreshToken == second.refreshToken)
        rig.state.advance(milliseconds: 60_000)
        let third = try await rig.refresh(second.refreshToken)
        #expect(third.refreshToken != second.refreshToken)
    }

    @Test func `again is the same bytes when the refresh ring rotated in between`() async throws {
        let rig = try await Rig()
        rig.state.advance(milliseconds: 400_000)
        let second = try await rig.refresh(rig.first)
        try await rig.rotateRing()
        #expect(try await rig.refresh(rig.first).refreshToken == second.refreshToken)
    }

    @Test func `a stale token ends the session, and its access tokens with it`() async throws {
        let rig = try await Rig()
        let second = try await rig.refresh(rig.first)
        rig.state.advance(milliseconds: 60_000)
        #expect(await rig.service.refresh(rig.first) == .refused)
        #expect(await rig.service.refresh(second.refreshToken) == .refused)
        let set = rig.publisher.set.withLock { $0 }
        #expect(
            set.isRevoked(
                RevocationSubject(
                    user: rig.user, session: rig.session, token: rig.session, userVersion: 1, generation: 0)))
    }

    @Test func `a failed-over row is healed by the token that is ahead of it`() async throws {
        let rig = try await Rig()
        let row = try #require(await rig.store.sessions(of: rig.user).first)
        let second = try await rig.refresh(rig.first)
        rig.state.advance(milliseconds: 120_000)
        let third = try await rig.refresh(second.refreshToken)
        // The commits are lost.
        await rig.store.set(row)
        let healed = try await rig.refresh(third.refreshToken)
        #expect(healed.refreshToken == third.refreshToken)
        rig.state.advance(milliseconds: 60_000)
        #expect(try await rig.refresh(third.refreshToken).refreshToken != third.refreshToken)
    }

    @Test func `forged and foreign tokens ask no store`() async throws {
        let rig = try await Rig()
        for token in ["", "x", String(rig.first.dropLast()) + "!", String(repeating: "A", count: 124)] {
            #expect(await rig.service.refresh(token) == .refused)
        }
        let other = try await Rig()
        #expect(await rig.service.refresh(other.first) == .refused)
        #expect(await rig.store.calls == [])
    }

    @Test func `a session and an address are refreshed so often, before the store and after the tag`() async throws {
        var limits = ThrottleLimits()
        limits[.refreshSession] = GCRA(burst: 3, intervalMilliseconds: 500)
        limits[.refreshAddress] = GCRA(burst: 5, intervalMilliseconds: 10)
        let rig = try await Rig(limits: limits)
        let forged = String(rig.first.dropLast(2)) + "AA"
        func origin(_ address: String) -> RequestOrigin {
            RequestOrigin(address: ClientAddress(address), requestID: nil)
        }
        for _ in 0..<20 { #expect(await rig.service.refresh(forged, from: origin("192.0.2.1")) == .refused) }
        for index in 0..<3 {
            guard case .granted = await rig.service.refresh(rig.first, from: origin("192.0.2.\(index)")) else {
                Issue.record("refused")
                return
            }
        }
        await rig.store.resetCalls()
        let refusal = RefreshReply.throttled(by: .refreshSession, retryAfterMilliseconds: 500)
        #expect(await rig.service.refresh(rig.first, from: origin("198.51.100.1")) == refusal)
        #expect(await rig.store.calls == [])
        rig.state.advance(milliseconds: 500)
        guard case .granted = await rig.service.refresh(rig.first, from: origin("198.51.100.1")) else {
            Issue.record("still held")
            return
        }
    }

    @Test func `a store that is away consumes nothing`() async throws {
        let rig = try await Rig()
        await rig.store.setAway(true)
        #expect(await rig.service.refresh(rig.first) == .unavailable)
        await rig.store.setAway(false)
        _ = try await rig.refresh(rig.first)
    }

    @Test func `a sealed secret that does not open is undecidable and ends nothing`() async throws {
        let rig = try await Rig()
        let row = try #require(await rig.store.sessions(of: rig.user).first)
        var sealed = row.sealedSecret
        sealed[sealed.count - 1] ^= 1
        await rig.store.set(
            StoredSession(
                id: row.id, userID: row.userID, userVersion: 1, createdAt: row.createdAt, lastUsedAt: row.lastUsedAt,
                idleExpiresAt: row.idleExpiresAt, absoluteExpiresAt: row.absoluteExpiresAt, counter: 0, rotatedAt: nil,
                sealedSecret: sealed))
        #expect(await rig.service.refresh(rig.first) == .unavailable)
        await rig.store.set(row)
        _ = try await rig.refresh(rig.first)
    }

    @Test func `a generation raised while the store decides is not that of the token`() async throws {
        let rig = try await Rig()
        let state = rig.state
        // The state is asked for before the store and after it; a revocation of everything falls between.
        let asked = Lock(0)
        let service = RefreshService(
            throttle: rig.throttle, sessions: rig.store, publisher: rig.publisher,
            issuer: TokenIssuer(issuer: "https://issuer", audience: "api"), graceSeconds: 60,
            state: {
                if asked.withLock({
                    $0 += 1; return $0
                }) == 2 {
                    state.raiseGeneration()
                }
                return state.current
            })
        guard case .granted(let tokens) = await service.refresh(rig.first) else { throw Refused(reply: .refused) }
        #expect(state.current.generation == 1)
        let verifier = try AccessTokenVerifier(
            keys: state.current.keys.verification, issuer: "https://issuer", audience: "api", leewaySeconds: 0)
        #expect(try verifier.verify(tokens.accessToken, now: testStart.seconds).claims.generation == 0)
    }

    @Test func `the next refresh brings a raised version and new roles`() async throws {
        let rig = try await Rig()
        await rig.store.change(rig.user) {
            $0.version = 2
            $0.roles = [.admin]
        }
        let tokens = try await rig.refresh(rig.first)
        let verifier = try AccessTokenVerifier(
            keys: rig.state.current.keys.verification, issuer: "https://issuer", audience: "api", leewaySeconds: 0)
        let claims = try verifier.verify(tokens.accessToken, now: testStart.seconds).claims
        #expect(claims.userVersion == 2)
        #expect(claims.roles == ["admin"])
    }

    @Test func `lifetimes are not extended by rotation`() async throws {
        let rig = try await Rig()
        var token = rig.first
        for _ in 0..<6 {
            token = try await rig.refresh(token).refreshToken
            rig.state.advance(milliseconds: 86_400_000)
        }
        token = try await rig.refresh(token).refreshToken
        rig.state.advance(milliseconds: 86_400_000)
        #expect(await rig.service.refresh(token) == .refused)
    }

    @Test(arguments: [UInt64(1), 2, 3, 4])
    func `a thousand concurrent refreshes with lost replies sign nobody out, then a stale token does`(
        seed: UInt64
    ) async throws {
        let rig = try await Rig()
        var generator = SeededGenerator(seed: seed)
        var held = rig.first
        var former: [String] = []
        var sent = 0
        var sinceRotation: Int64 = 0
        while sent < 1_000 {
            let tabs = Int.random(in: 1...40, using: &generator)
            sent += tabs
            // All tabs send what the client holds; some send what it held just before.
            let tokens = (0..<tabs).map { _ in
                Int.random(in: 0..<10, using: &generator) == 0 && sinceRotation < 20_000 ? former.last ?? held : held
            }
            let replies = await withTaskGroup(of: RefreshReply.self) { group in
                for token in tokens { group.addTask { await rig.service.refresh(token) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let arrived = replies.filter { _ in Int.random(in: 0..<10, using: &generator) < 3 }
            let texts = Set(
                replies.map { reply in
                    if case .granted(let tokens) = reply { tokens.refreshToken } else { "signed out" }
                })
            // One successor, whoever asked.
            #expect(texts.count == 1 && !texts.contains("signed out"))
            var pause = Int64.random(in: 0...2_000, using: &generator)
            if let text = texts.first, !arrived.isEmpty {
                if text != held {
                    former.append(held)
                    held = text
                    sinceRotation = 0
                }
                pause = .random(in: 0...90_000, using: &generator)
            }
            // When nothing arrived the client repeats soon, within the grace.
            sinceRotation += pause
            rig.state.advance(milliseconds: pause)
        }
        #expect(former.count > 5)
        rig.state.advance(milliseconds: 60_000)
        held = try await rig.refresh(held).refreshToken
        let stale = try #require(former.dropLast().randomElement(using: &generator))
        #expect(await rig.service.refresh(stale) == .refused)
        #expect(await rig.service.refresh(held) == .refused)
    }

    @Test func `logout ends the session by either token and is idempotent`() async throws {
        let rig = try await Rig()
        let second = try await rig.refresh(rig.first)
        #expect(await rig.logout.logout(refreshToken: "nonsense") == .refused)
        #expect(await rig.logout.logout(refreshToken: second.refreshToken) == .done)
        #expect(rig.publisher.set.withLock { $0.count } == 1)
        // A repeat is published too: the answer to the first may have been lost before it was.
        rig.publisher.set.withLock { $0 = RevocationSet() }
        #expect(await rig.logout.logout(refreshToken: second.refreshToken) == .done)
        #expect(rig.publisher.set.withLock { $0.count } == 1)
        #expect(await rig.logout.logout(session: rig.session) == .done)
        #expect(await rig.service.refresh(second.refreshToken) == .refused)
        #expect(await rig.logout.logoutAll(user: rig.user) == .done)
        let set = rig.publisher.set.withLock { $0 }
        #expect(
            set.isRevoked(
                RevocationSubject(
                    user: rig.user, session: rig.user, token: rig.user, userVersion: 1, generation: 0)))
        await rig.store.setAway(true)
        #expect(await rig.logout.logout(session: rig.session) == .unavailable)
    }
}
