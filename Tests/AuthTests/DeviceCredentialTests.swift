import JWT
import OpenSSL
import TestSupport
import Testing

@testable import Auth

@Suite struct DeviceCredentialTests {
    private let ada = Username("ada")!
    private let device = Identifier(high: 0x7000, low: 9)

    private func key(_ id: UInt64) throws -> DeviceKey {
        try DeviceKey(id: id, secret: SecretBytes(copying: [UInt8](repeating: UInt8(id), count: 32)))
    }

    private func ring(_ active: UInt64, _ others: UInt64...) throws -> DeviceKeys {
        DeviceKeys(active: try key(active), others: try others.map { try key($0) })
    }

    private func issue(_ keys: DeviceKeys, at now: UnixTime = testStart) throws -> DeviceCredential {
        try #require(try DeviceCredential(for: device, of: ada, keys: keys, at: now))
    }

    @Test func `a credential names its device, for its account, until it expires`() throws {
        let keys = try ring(1)
        let made = try issue(keys)
        #expect(made.text.utf8.count == DeviceCredential.textCount)
        #expect(DeviceCredential(made.text, of: ada, keys: keys, at: testStart) == made)
        #expect(made.device == device)
        let end = testStart.adding(seconds: DeviceCredential.lifetimeSeconds)
        #expect(DeviceCredential(made.text, of: ada, keys: keys, at: end.adding(milliseconds: -1)) != nil)
        #expect(DeviceCredential(made.text, of: ada, keys: keys, at: end) == nil)
        for other in ["adb", "ad", "adaa", "eve"] {
            #expect(DeviceCredential(made.text, of: Username(other)!, keys: keys, at: testStart) == nil, "\(other)")
        }
        #expect(!"\(made)".contains(made.text) && !String(reflecting: made).contains(made.text))
    }

    @Test func `nothing that differs in one character or is of another length is a credential`() throws {
        let keys = try ring(1)
        let text = try issue(keys).text
        let characters = Array(text)
        for index in characters.indices {
            for replacement in ["A", "B", "_", "=", " ", "é"] where String(characters[index]) != replacement {
                var changed = characters.map { String($0) }
                changed[index] = replacement
                #expect(DeviceCredential(changed.joined(), of: ada, keys: keys, at: testStart) == nil, "\(index)")
            }
        }
        for changed in [
            "", "x", String(text.dropLast()), text + "A", text + text, String(repeating: "A", count: 87),
            String(repeating: "x", count: 100_000), "\0" + text.dropFirst(),
        ] {
            #expect(DeviceCredential(changed, of: ada, keys: keys, at: testStart) == nil)
        }
    }

    @Test func `noise never traps`() throws {
        let keys = try ring(1)
        var generator = SeededGenerator(seed: 5)
        let text = Array(try issue(keys).text.utf8)
        for _ in 0..<5_000 {
            var bytes = text
            for _ in 0..<Int.random(in: 1...9, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...127, using: &generator)
            }
            guard bytes != text else { continue }
            #expect(DeviceCredential(String(decoding: bytes, as: UTF8.self), of: ada, keys: keys, at: testStart) == nil)
        }
    }

    @Test func `a retired key's credentials are good, a dropped one's are not`() throws {
        let made = try issue(try ring(1, 2))
        #expect(DeviceCredential(made.text, of: ada, keys: try ring(2, 1), at: testStart) != nil)
        #expect(DeviceCredential(made.text, of: ada, keys: try ring(2, 3), at: testStart) == nil)
        #expect(DeviceCredential(made.text, of: ada, keys: DeviceKeys(active: nil, others: []), at: testStart) == nil)
    }

    @Test func `a device keeps its credential while that is young and its key active, and its identity always`() throws
    {
        let (before, after) = (try ring(1, 2), try ring(2, 1))
        let made = try issue(before)
        let half = testStart.adding(seconds: DeviceCredential.lifetimeSeconds / 2)
        func next(_ keys: DeviceKeys, _ now: UnixTime) throws -> DeviceCredential {
            try #require(DeviceCredential.afterSuccess(made, of: ada, keys: keys, at: now))
        }
        #expect(try next(before, half.adding(milliseconds: -1)) == made)
        for renewed in [try next(before, half), try next(after, testStart)] {
            #expect(renewed != made && renewed.device == device)
        }
        #expect(DeviceCredential(try next(after, testStart).text, of: ada, keys: try ring(2), at: testStart) != nil)
        let unknown = try (0..<2).map { _ in
            try #require(DeviceCredential.afterSuccess(nil, of: ada, keys: before, at: testStart))
        }
        #expect(Set(unknown.map(\.device)).count == 2)
        // Before there are keys nothing is made, and what is good is kept.
        #expect(
            DeviceCredential.afterSuccess(nil, of: ada, keys: DeviceKeys(active: nil, others: []), at: testStart) == nil
        )
        #expect(
            DeviceCredential.afterSuccess(made, of: ada, keys: DeviceKeys(active: nil, others: []), at: half) == made)
    }

    // MARK: The ring

    @Test func `an installation without device keys opens, and its first upkeep makes them`() async throws {
        let store = MemoryKeys()
        let service = KeyService(store: store, master: try TestKeys.master.get(), policy: TestKeys.policy)
        _ = try await service.load(at: testStart)
        let old = await store.keys.filter { $0.purpose != .device }
        #expect(await store.keys.count == old.count + 2)
        await store.set(old)
        let opened = try KeyRingSnapshot(opening: old, with: TestKeys.master.get())
        #expect(opened.devices.active == nil && opened.activeID(of: .device) == nil)
        let loaded = try await service.load(at: testStart, completely: false)
        #expect(loaded.devices.active != nil)
        #expect(await store.keys.filter { $0.purpose != .device } == old)
    }

    @Test func `a credential outlives the rotation of its key for as long as it is good`() async throws {
        let store = MemoryKeys()
        let service = KeyService(store: store, master: try TestKeys.master.get(), policy: TestKeys.policy)
        let first = try await service.load(at: testStart)
        let rotatedAt = testStart.adding(seconds: 1_000)
        let made = try issue(first.devices, at: rotatedAt)
        let active = try #require(first.activeID(of: .device))
        let second = try await service.rotated(.planned(.device, active: active), at: rotatedAt)
        #expect(second.activeID(of: .device) != active)
        let end = rotatedAt.adding(seconds: DeviceCredential.lifetimeSeconds)
        let last = try await service.load(at: end.adding(milliseconds: -1))
        #expect(DeviceCredential(made.text, of: ada, keys: last.devices, at: end.adding(milliseconds: -1)) == made)
        _ = try await service.load(at: end.adding(seconds: 86_400))
        #expect(await !store.keys.contains { $0.id == active })
    }

    @Test func `a compromised device key makes every device of its a new one, and touches no session`() async throws {
        let store = MemoryKeys()
        let service = KeyService(store: store, master: try TestKeys.master.get(), policy: TestKeys.policy)
        let before = try await service.load(at: testStart)
        let made = try issue(before.devices)
        let after = try await service.rotated(
            .compromised(.device, id: try #require(before.activeID(of: .device))), at: testStart.adding(seconds: 1))
        #expect(DeviceCredential(made.text, of: ada, keys: after.devices, at: testStart) == nil)
        #expect(after.refresh.active.id == before.refresh.active.id)
        #expect(after.signing.keyID == before.signing.keyID)
    }
}
