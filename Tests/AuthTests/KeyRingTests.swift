import JWT
import OpenSSL
import TestSupport
import Testing

@testable import Auth

@Suite struct KeyRingTests {
    var policy: KeyRingPolicy { TestKeys.policy }

    func service(_ store: MemoryKeys, policy: KeyRingPolicy? = nil) throws -> KeyService {
        KeyService(store: store, master: try TestKeys.master.get(), policy: policy ?? self.policy)
    }

    func states(_ keys: [StoredKey], _ purpose: KeyPurpose) -> [KeyState] {
        keys.filter { $0.purpose == purpose }.map(\.state)
    }

    @Test func `an empty store gets its rings, once`() async throws {
        let store = MemoryKeys()
        let first = try await service(store).load(at: testStart)
        let keys = await store.keys
        #expect(states(keys, .signing) == [.active, .next])
        #expect(states(keys, .refresh) == [.active, .next])
        #expect(states(keys, .device) == [.active, .next])
        #expect(states(keys, .lookup) == [.active])
        #expect(await store.changes == 1)
        let second = try await service(store).load(at: testStart.adding(seconds: 60))
        #expect(await store.changes == 1)
        #expect(second.signing.keyID == first.signing.keyID)
        #expect(second.jwks == first.jwks)
        #expect(second.jwksETag == first.jwksETag)
        #expect(first.jwksETag.hasPrefix("\"") && first.jwksETag.count == 18)
    }

    @Test func `parallel starts agree on one ring`() async throws {
        let store = MemoryKeys()
        let service = try service(store)
        let kids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 { group.addTask { try await service.load(at: testStart).signing.keyID } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(kids.count == 1)
        #expect(await store.changes == 1)
    }

    @Test func `a planned rotation waits for publication and shows no verifier an unknown key`() async throws {
        let store = MemoryKeys()
        let service = try service(store)
        let before = try await service.load(at: testStart)
        let rotation = KeyRotation.planned(.signing, active: before.signing.keyID)
        let early = testStart.adding(milliseconds: policy.publicationMilliseconds - 1)
        let refused = try await service.rotate(rotation, at: early, as: .localOperator, from: .server)
        #expect(refused.refusal == .conflict(.tooEarly(until: early.adding(milliseconds: 1))))
        let after = try await service.rotated(rotation, at: early.adding(milliseconds: 1))
        #expect(after.signing.keyID != before.signing.keyID)
        // Whoever has the JWKS of before knows the key that signs now; the old one still verifies.
        #expect(before.verification.map(\.keyID).contains(after.signing.keyID))
        #expect(after.verification.map(\.keyID).contains(before.signing.keyID))
        #expect(after.verification.count == 3)
        // Repeating the same rotation does nothing.
        let again = try await service.rotated(rotation, at: early.adding(seconds: 9_999), isChanged: false)
        #expect(again.signing.keyID == after.signing.keyID)
    }

    @Test func `a retired key goes when no token of it can live`() async throws {
        let store = MemoryKeys()
        let service = try service(store)
        let before = try await service.load(at: testStart)
        let moment = testStart.adding(seconds: 1000)
        _ = try await service.rotated(.planned(.signing, active: before.signing.keyID), at: moment)
        let gone = moment.adding(milliseconds: policy.signingRetentionMilliseconds)
        let still = try await service.load(at: gone.adding(milliseconds: -1))
        #expect(still.verification.map(\.keyID).contains(before.signing.keyID))
        let without = try await service.load(at: gone)
        #expect(!without.verification.map(\.keyID).contains(before.signing.keyID))
    }

    @Test func `a retired refresh key outlives every session`() async throws {
        let store = MemoryKeys()
        let service = try service(store)
        let before = try await service.load(at: testStart)
        let session = Identifier(high: 1, low: 1)
        let secret = try SessionSecret.make(for: session, key: before.refresh.active)
        let moment = testStart.adding(seconds: 1000)
        let after = try await service.rotated(.planned(.refresh, active: before.refresh.active.id.hexText), at: moment)
        #expect(after.refresh.active.id != before.refresh.active.id)
        let late = try await service.load(at: moment.adding(seconds: 30 * 86_400))
        #expect(SessionSecret.open(secret.sealed, for: session, keys: late.refresh) != nil)
        let gone = try await service.load(at: moment.adding(seconds: 31 * 86_400))
        #expect(SessionSecret.open(secret.sealed, for: session, keys: gone.refresh) == nil)
    }

    @Test func `a compromised key is gone at once and the next one signs`() async throws {
        let store = MemoryKeys()
        let service = try service(store)
        let before = try await service.load(at: testStart)
        let stolen = before.signing.keyID
        let after = try await service.rotated(.compromised(.signing, id: stolen), at: testStart.adding(seconds: 1))
        #expect(!after.verification.map(\.keyID).contains(stolen))
        #expect(before.verification.map(\.keyID).contains(after.signing.keyID))
        #expect(states(await store.keys, .signing).sorted { $0.rawValue < $1.rawValue } == [.active, .next])
        // Refresh keys are a ring of their own.
        #expect(after.refresh.active.id == before.refresh.active.id)
        let again = try await service.rotate(
            .compromised(.signing, id: stolen), at: testStart.adding(seconds: 2), as: .localOperator, from: .server)
        #expect(again.refusal == .notFound)
        #expect(try await service.load(at: testStart.adding(seconds: 2)).signing.keyID == after.signing.keyID)
    }

    @Test func `a compromised next or retired key is dropped without a rotation`() async throws {
        let store = MemoryKeys()
        let service = try service(store)
        let before = try await service.load(at: testStart)
        let next = try #require(before.verification.last).keyID
        let after = try await service.rotated(.compromised(.signing, id: next), at: testStart)
        #expect(after.signing.keyID == before.signing.keyID)
        #expect(after.verification.count == 2)
        #expect(!after.verification.map(\.keyID).contains(next))
    }

    @Test func `keys rotate by themselves at their age, lookup keys never`() async throws {
        let store = MemoryKeys()
        let service = try service(store)
        let before = try await service.load(at: testStart)
        let lookup = await store.keys.filter { $0.purpose == .lookup }
        let after = try await service.load(at: testStart.adding(milliseconds: 90 * 86_400_000))
        #expect(after.signing.keyID != before.signing.keyID)
        #expect(after.refresh.active.id != before.refresh.active.id)
        #expect(await store.keys.filter { $0.purpose == .lookup } == lookup)
    }

    @Test func `another algorithm takes over after publication`() async throws {
        let store = MemoryKeys()
        _ = try await service(store).load(at: testStart)
        var changed = policy
        changed.signingAlgorithm = .edDSA
        let soon = try await service(store, policy: changed).load(at: testStart.adding(seconds: 1000))
        #expect(soon.signing.algorithm == .es256)
        let later = try await service(store, policy: changed).load(at: testStart.adding(seconds: 2000))
        #expect(later.signing.algorithm == .edDSA)
        #expect(later.verification.contains { $0.algorithm == .es256 })
    }

    @Test func `HS256 keys are in no JWKS`() async throws {
        var symmetric = policy
        symmetric.signingAlgorithm = .hs256
        let snapshot = try await service(MemoryKeys(), policy: symmetric).load(at: testStart)
        #expect(String(decoding: snapshot.jwks, as: UTF8.self) == #"{"keys":[]}"#)
    }

    @Test func `damaged rings and a foreign master key are refused and nothing is changed`() async throws {
        let store = MemoryKeys()
        _ = try await service(store).load(at: testStart)
        let good = await store.keys
        let other = try MasterKeys(parsing: MasterKeys.makeFile())
        await #expect(throws: KeyRingError.self) {
            try await KeyService(store: store, master: other, policy: policy)
                .load(at: testStart.adding(seconds: 10_000_000))
        }
        #expect(await store.keys == good)

        var doubled = good
        doubled[1].state = .active
        await store.set(doubled)
        await #expect(throws: KeyRingError.self) { try await service(store).load(at: testStart) }
        #expect(await store.keys == doubled)

        await store.set(good.filter { $0.purpose != .signing })
        await #expect(throws: KeyRingError.self) { try await service(store).load(at: testStart) }
    }

    @Test func `over years of upkeep no token that could live meets an unknown key`() async throws {
        let store = MemoryKeys()
        let service = try service(store)
        var generator = SeededGenerator(seed: 23)
        var now = testStart
        var snapshots: [(UnixTime, KeyRingSnapshot)] = []
        for step in 0..<120 {
            let snapshot =
                step % 7 == 3
                ? try await rotate(service, snapshots.last?.1, at: now) : try await service.load(at: now)
            for (time, older) in snapshots.suffix(20) {
                // A JWKS fetched before the last five minutes knows what signs now.
                if now.milliseconds - time.milliseconds <= 300_000 {
                    #expect(older.verification.contains { $0.keyID == snapshot.signing.keyID })
                }
                // A token of the last hour still verifies.
                if now.milliseconds - time.milliseconds <= 3_600_000 {
                    #expect(snapshot.verification.contains { $0.keyID == older.signing.keyID })
                }
            }
            #expect(KeyRing.damage(of: await store.keys) == nil)
            snapshots.append((now, snapshot))
            now = now.adding(seconds: .random(in: 1...(step % 3 == 0 ? 200 : 40_000), using: &generator))
        }
        #expect(Set(snapshots.map(\.1.signing.keyID)).count > 5)
    }

    /// Refused as too early or done.
    private func rotate(
        _ service: KeyService, _ last: KeyRingSnapshot?, at now: UnixTime
    ) async throws -> KeyRingSnapshot {
        let active = try #require(last).signing.keyID
        let result = try await service.rotate(
            .planned(.signing, active: active), at: now, as: .localOperator, from: .server)
        if case .done(let rotated) = result { return rotated.snapshot }
        return try await service.load(at: now)
    }
}
