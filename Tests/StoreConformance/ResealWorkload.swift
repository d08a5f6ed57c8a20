package import Auth
import JWT
import Testing

/// Seals the keys under one of two master keys and the other, in turn, until it is killed.
package enum ResealWorkload {
    /// Two master keys as a file holds them; `byte` names the one that seals.
    private static func master(sealing byte: UInt8, opening others: [UInt8] = []) throws -> MasterKeys {
        let lines = ([byte] + others).map { Base64URL.encode([UInt8](repeating: $0, count: 32)) }
        return try MasterKeys(parsing: Array(lines.joined(separator: [UInt8(ascii: "\n")])))
    }

    private static func service(_ store: any Stores, _ master: MasterKeys) -> KeyService {
        var policy = KeyRingPolicy()
        policy.signingAlgorithm = .es256
        return KeyService(store: store, master: master, policy: policy)
    }

    package static func run(on store: any Stores, record: @escaping @Sendable (String) -> Void) async throws {
        let stored = try await store.update { _ in nil }
        var (old, new): (UInt8, UInt8) = (1, 2)
        let second = try master(sealing: 2)
        if !stored.isEmpty, stored.allSatisfy({ second.isCurrent($0.sealed) }) { swap(&old, &new) }
        _ = try await service(store, master(sealing: old)).load(at: Sample.start)
        while true {
            let both = try master(sealing: new, opening: [old])
            _ = try await service(store, both).reseal(
                under: both, at: Sample.start, as: .localOperator, from: .server)
            record("did reseal \(new)")
            swap(&old, &new)
        }
    }

    /// Every key is sealed under the same master key, and opens with it alone.
    package static func check(_ store: any Stores) async throws {
        let stored = try await store.update { _ in nil }
        guard !stored.isEmpty else { return }
        let masters = try [1, 2].map { try master(sealing: $0) }
        let current = try #require(masters.first { $0.isCurrent(stored[0].sealed) })
        #expect(stored.allSatisfy { current.isCurrent($0.sealed) })
        _ = try KeyRingSnapshot(opening: stored, with: current)
    }
}
