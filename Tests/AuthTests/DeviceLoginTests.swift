import Passwords
import Testing

@testable import Auth

/// Known devices at logins and at changes of a password.
@Suite struct DeviceLoginTests {
    /// A login service over stores in memory, with one account: alice, "correct password".
    private struct Rig {
        let store = MemoryStore()
        let state: TestState
        let service: LoginService

        init(caps: AttemptCaps = AttemptCaps(), limits: ThrottleLimits = ThrottleLimits()) async throws {
            let cheap = try #require(PasswordHashParameters(memoryKiB: 8, iterations: 1))
            let state = TestState(try await TestKeys.ring())
            self.state = state
            let hasher = CountingHasher(cheap)
            let check = try PasswordCheck(
                throttle: LockedThrottle(ThrottleTable(limits: limits)), attempts: store, hasher: hasher, caps: caps,
                parameters: cheap, state: { state.current })
            service = LoginService(
                check: check, users: store, sessions: store, hasher: hasher, publisher: SetPublisher(),
                audit: MemoryAudit(), issuer: TokenIssuer(issuer: "https://issuer", audience: "api"),
                parameters: cheap, state: { state.current })
            let phc = try PasswordHash.hash(Array("correct password".utf8).span.bytes, parameters: cheap)
            for (number, name) in ["alice", "bob"].enumerated() {
                let user = NewUser(
                    id: Identifier(high: 0x7000, low: UInt64(number)), username: try #require(Username(name)),
                    roles: [],
                    password: StoredPassword(hash: phc), createdAt: testStart)
                _ = try await store.createFirst(user)
            }
        }

        func login(
            _ password: String = "correct password", name: String = "alice", from address: String = "192.0.2.1",
            _ credential: String? = nil
        ) async -> LoginResult {
            await service.login(
                LoginRequest(
                    username: name, password: password, address: ClientAddress(address)!, deviceCredential: credential))
        }

        /// Nil when refused.
        func credential(name: String = "alice", _ credential: String? = nil) async -> String? {
            guard case .granted(let tokens) = await login(name: name, credential) else { return nil }
            return tokens.deviceCredential
        }
    }

    @Test func `a success makes the device a known one, which keeps its credential`() async throws {
        let rig = try await Rig()
        let first = try #require(await rig.credential())
        #expect(await rig.credential(first) == first)
        let other = try #require(await rig.credential())
        #expect(other != first)
        for bad in ["", "x", String(first.dropLast()) + "_", first + "A"] {
            let fresh = try #require(await rig.credential(bad))
            #expect(fresh != first && fresh != bad)
        }
    }

    @Test func `another account's credential makes no device a known one`() async throws {
        var caps = AttemptCaps()
        caps.unknownDevices = 3
        let rig = try await Rig(caps: caps)
        let bobs = try #require(await rig.credential(name: "bob"))
        for _ in 0..<3 { #expect(await rig.login("wrong", from: "192.0.2.9", bobs) == .refused) }
        // Counted as an unknown device: the account is locked for such.
        #expect(await rig.login() == .refused)
        #expect(await rig.credential(bobs) == nil)
    }

    @Test func `nobody locks an owner out: neither the cap of unknown devices nor their throttle hold a known one`()
        async throws
    {
        var caps = AttemptCaps()
        caps.unknownDevices = 4
        var limits = ThrottleLimits()
        limits[.account] = GCRA(burst: 4, intervalMilliseconds: 3_600_000)
        limits[.accountCost] = GCRA(burst: 6, intervalMilliseconds: 3_600_000)
        limits[.global] = GCRA(burst: 6, intervalMilliseconds: 3_600_000)
        let rig = try await Rig(caps: caps, limits: limits)
        let credential = try #require(await rig.credential())
        for host in 1...20 { _ = await rig.login("guess \(host)", from: "198.51.100.\(host)") }
        guard case .throttled = await rig.login(from: "203.0.113.1") else {
            Issue.record("an unknown device is let in")
            return
        }
        #expect(await rig.credential(credential) == credential)
    }

    @Test func `a known device has a cap of its own, which holds it and nobody else`() async throws {
        var caps = AttemptCaps()
        caps.knownDevice = 3
        var limits = ThrottleLimits()
        for rule in ThrottleRule.allCases { limits[rule] = GCRA(burst: 1_000, intervalMilliseconds: 1) }
        let rig = try await Rig(caps: caps, limits: limits)
        let (one, other) = (try #require(await rig.credential()), try #require(await rig.credential()))
        for _ in 0..<3 { #expect(await rig.login("wrong", one) == .refused) }
        #expect(await rig.credential(one) == nil)
        #expect(await rig.credential(other) == other)
        #expect(await rig.credential() != nil)
    }

    @Test func `an expired credential makes an unknown device, which gets a new one`() async throws {
        let rig = try await Rig()
        let first = try #require(await rig.credential())
        rig.state.advance(milliseconds: DeviceCredential.lifetimeSeconds * 1000)
        let renewed = try #require(await rig.credential(first))
        let keys = rig.state.current.keys.devices
        let alice = try #require(Username("alice"))
        let device = try #require(DeviceCredential(first, of: alice, keys: keys, at: testStart)).device
        let now = rig.state.current.now
        #expect(DeviceCredential(first, of: alice, keys: keys, at: now) == nil)
        #expect(try #require(DeviceCredential(renewed, of: alice, keys: keys, at: now)).device != device)
    }

    @Test func `a refused login and a refresh give no credential, and a login shows none`() async throws {
        let rig = try await Rig()
        guard case .granted(let tokens) = await rig.login() else {
            Issue.record("refused")
            return
        }
        let credential = try #require(tokens.deviceCredential)
        let request = LoginRequest(
            username: "alice", password: "wrong", address: ClientAddress("192.0.2.1")!, deviceCredential: credential)
        #expect(!"\(request) \(tokens)".contains(credential))
        var dumped = ""
        dump((request, tokens), to: &dumped)
        #expect(!dumped.contains(credential))
    }
}
