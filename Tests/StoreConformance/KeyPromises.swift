import Auth
import Testing

extension StoreContract {
    package static let keys: [StorePromise] = [
        StorePromise("of 50 parallel callers one fills an empty ring, and all see the same keys") {
            store async throws in
            let rings = try await inParallel(50) { index in
                try await store.update { $0.isEmpty ? [key("key-\(index)", .signing)] : nil }
            }
            #expect(Set(rings.map { $0.map(\.id) }).count == 1)
            #expect(rings.allSatisfy { $0.count == 1 })
        },
        StorePromise("keys are read back as they were written, replaced as a whole, and left alone on nil") {
            store async throws in
            let first = [
                key("a", .signing), key("a", .refresh, .retired), key("b", .device, .next), key("c", .lookup),
            ]
            let written = try await store.update { _ in first }
            let read = try await store.update { _ in nil }
            #expect(sorted(written) == sorted(first) && sorted(read) == sorted(first))
            let second = [key("d", .signing, .next), first[1]]
            let replaced = try await store.update { _ in second }
            let readAgain = try await store.update { _ in nil }
            #expect(sorted(replaced) == sorted(second) && sorted(readAgain) == sorted(second))
            let emptied = try await store.update { _ in [] }
            #expect(emptied.isEmpty)
        },
        StorePromise("parallel changes of the rings come one after the other") { store async throws in
            _ = try await inParallel(40) { index in try await store.update { $0 + [key("key-\(index)", .signing)] } }
            let keys = try await store.update { _ in nil }
            #expect(keys.count == 40)
        },
        StorePromise("an administrator's change of the rings is audited, and one that changes nothing is not") {
            store async throws in
            let administrator = try await Sample.administrator("root", in: store)
            let entries = try await store.everyEntry()
            let unchanged: [@Sendable ([StoredKey]) -> [StoredKey]?] = [{ _ in nil }, { $0 }]
            _ = try await store.update { _ in [key("a", .signing)] }
            for change in unchanged {
                let read = try await store.administer(
                    as: administrator.authority, from: Sample.origin, at: Sample.at(6), audit: .keyRotated,
                    detail: "b", change)
                #expect(read == .done([key("a", .signing)]))
            }
            #expect(try await store.everyEntry() == entries)
            let changed = try await store.administer(
                as: administrator.authority, from: Sample.origin, at: Sample.at(6), audit: .keyRotated, detail: "b"
            ) { $0 + [key("b", .signing, .next)] }
            #expect(try changed.value().map(\.id) == ["a", "b"])
            let entry = AuditEntry(
                at: Sample.at(6), event: .keyRotated, actor: .user(administrator.id), origin: Sample.origin,
                detail: "b")
            #expect(try await store.everyEntry().dropFirst(entries.count) == [entry])
        },
    ]

    private static func key(_ id: String, _ purpose: KeyPurpose, _ state: KeyState = .active) -> StoredKey {
        StoredKey(
            id: id, purpose: purpose, algorithm: purpose == .signing ? "RS256" : "HS256", state: state,
            sealed: Array(id.utf8) + [0, 255], createdAt: Sample.start, changedAt: Sample.at(5))
    }

    private static func sorted(_ keys: [StoredKey]) -> [StoredKey] {
        keys.sorted { ($0.purpose.rawValue, $0.id) < ($1.purpose.rawValue, $1.id) }
    }
}
