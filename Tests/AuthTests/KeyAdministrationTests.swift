import JWT
import OpenSSL
import TestSupport
import Testing

@testable import Auth

extension KeyService {
    /// Expects the rotation to be done, by this call unless told.
    func rotated(
        _ rotation: KeyRotation, at now: UnixTime, isChanged: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> KeyRingSnapshot {
        guard case .done(let rotated) = try await rotate(rotation, at: now, as: .localOperator, from: .server) else {
            throw UnexpectedResult()
        }
        #expect(rotated.isChanged == isChanged, sourceLocation: sourceLocation)
        return rotated.snapshot
    }
}

private struct UnexpectedResult: Error {}

extension AdminResult {
    /// What came of it, without the value.
    var refusal: AdminResult<Never>? {
        switch self {
        case .done: nil
        case .notAuthorized: .notAuthorized
        case .notFound: .notFound
        case .conflict(let conflict): .conflict(conflict)
        }
    }
}

@Suite struct KeyAdministrationTests {
    private let store = MemoryKeys()
    private let late = testStart.adding(seconds: 1000)

    private func master(_ bytes: UInt8...) throws -> MasterKeys {
        let lines = bytes.map { String(decoding: Base64URL.encode([UInt8](repeating: $0, count: 32)), as: UTF8.self) }
        return try MasterKeys(parsing: Array(lines.joined(separator: "\n").utf8))
    }

    private func service(_ master: MasterKeys? = nil) throws -> KeyService {
        KeyService(store: store, master: try master ?? TestKeys.master.get(), policy: TestKeys.policy)
    }

    private func expectRefusal(
        _ rotation: KeyRotation, _ expected: AdminResult<Never>, at now: UnixTime? = nil,
        as authority: Authority = .localOperator, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let before = await store.keys
        let result = try await service().rotate(rotation, at: now ?? late, as: authority, from: .server)
        #expect(result.refusal == expected, sourceLocation: sourceLocation)
        #expect(await store.keys == before, sourceLocation: sourceLocation)
        #expect(await store.audit.isEmpty, sourceLocation: sourceLocation)
    }

    // MARK: What is refused

    @Test func `who is no administrator neither sees nor changes a key`() async throws {
        let ring = try await service().load(at: testStart)
        let nobody = Authority.user(Identifier(high: 2, low: 2), version: 1)
        #expect(try await service().keys(at: late, as: nobody, from: .server) == .notAuthorized)
        for rotation in [
            KeyRotation.planned(.signing, active: ring.signing.keyID), .compromised(.signing, id: ring.signing.keyID),
            .compromised(.signing, id: "none"),
        ] {
            try await expectRefusal(rotation, .notAuthorized, as: nobody)
        }
        let before = await store.keys
        let resealed = try await service().reseal(under: master(1), at: late, as: nobody, from: .server)
        #expect(resealed.refusal == .notAuthorized)
        #expect(await store.keys == before)
    }

    @Test func `a key that is not there, was never active, or is of another ring is not found`() async throws {
        let ring = try await service().load(at: testStart)
        let next = try #require(ring.verification.last).keyID
        try await expectRefusal(.planned(.signing, active: next), .notFound)
        for purpose in KeyPurpose.allCases {
            try await expectRefusal(.planned(purpose, active: "none"), .notFound)
            try await expectRefusal(.compromised(purpose, id: ""), .notFound)
        }
        try await expectRefusal(.planned(.refresh, active: ring.signing.keyID), .notFound)
        try await expectRefusal(.compromised(.refresh, id: ring.signing.keyID), .notFound)
        let lookup = try #require(await store.keys.first { $0.purpose == .lookup }).id
        try await expectRefusal(.planned(.lookup, active: lookup), .notFound)
        try await expectRefusal(.compromised(.lookup, id: lookup), .notFound)
    }

    @Test func `a planned rotation is too early until the next key was published, and without one`() async throws {
        let ring = try await service().load(at: testStart)
        let rotation = KeyRotation.planned(.signing, active: ring.signing.keyID)
        let possible = testStart.adding(milliseconds: TestKeys.policy.publicationMilliseconds)
        try await expectRefusal(
            rotation, .conflict(.tooEarly(until: possible)), at: possible.adding(milliseconds: -1))
        await store.set(store.keys.filter { $0.state != .next })
        try await expectRefusal(
            rotation,
            .conflict(.tooEarly(until: late.adding(milliseconds: TestKeys.policy.publicationMilliseconds))))
    }

    @Test func `damaged rings are left as they are`() async throws {
        _ = try await service().load(at: testStart)
        var keys = await store.keys
        let next = try #require(keys.firstIndex { $0.purpose == .signing && $0.state == .next })
        keys[next].state = .active
        await store.set(keys)
        let service = try service()
        await #expect(throws: KeyRingError.self) {
            try await service.rotate(
                .compromised(.signing, id: keys[next].id), at: late, as: .localOperator, from: .server)
        }
        await #expect(throws: KeyRingError.self) {
            try await service.reseal(under: master(1), at: late, as: .localOperator, from: .server)
        }
        #expect(await store.keys == keys)
    }

    // MARK: Rotation

    @Test func `administrators see each key once, in the order of its life, and when it may rotate`() async throws {
        let ring = try await service().load(at: testStart)
        _ = try await service().rotated(.planned(.signing, active: ring.signing.keyID), at: late)
        guard case .done(let keys) = try await service().keys(at: late, as: MemoryKeys.administrator, from: .server)
        else {
            Issue.record("refused")
            return
        }
        let seen = keys.map { "\($0.purpose) \($0.state) \($0.algorithm)" }
        #expect(
            seen == [
                "signing active ES256", "signing next ES256", "signing retired ES256", "refresh active HS256",
                "refresh next HS256", "device active HS256", "device next HS256", "lookup active HS256",
            ])
        #expect(keys[2].id == ring.signing.keyID && keys[2].createdAt == testStart && keys[2].changedAt == late)
        let publication = TestKeys.policy.publicationMilliseconds
        #expect(
            keys.map(\.earliestRotation) == [
                late.adding(milliseconds: publication), nil, nil, testStart.adding(milliseconds: publication), nil,
                testStart.adding(milliseconds: publication), nil, nil,
            ])
        #expect(await store.audit == [.init(event: .keyRotated, detail: "signing \(ring.signing.keyID)")])
    }

    @Test(arguments: [false, true])
    func `of parallel rotations of one key one rotates`(isCompromised: Bool) async throws {
        let ring = try await service().load(at: testStart)
        let active = ring.signing.keyID
        let rotation =
            isCompromised
            ? KeyRotation.compromised(.signing, id: active) : .planned(.signing, active: active)
        let service = try service()
        let actives = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    _ = try await service.rotate(rotation, at: late, as: .localOperator, from: .server)
                    return try await service.load(at: late).signing.keyID
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(actives.count == 1 && actives != [active])
        #expect(await store.audit.count == 1)
        #expect(await store.audit.first?.event == (isCompromised ? .keyCompromised : .keyRotated))
        #expect(await store.keys.count { $0.purpose == .signing } == (isCompromised ? 2 : 3))
    }

    @Test func `a compromised key is replaced also when the ring has no next one`() async throws {
        let ring = try await service().load(at: testStart, completely: false)
        let after = try await service().rotated(.compromised(.signing, id: ring.signing.keyID), at: testStart)
        #expect(after.signing.keyID != ring.signing.keyID)
        #expect(after.verification.count == 2 && !after.verification.contains { $0.keyID == ring.signing.keyID })
    }

    // MARK: Another master key

    @Test func `all keys are sealed anew, the old master key can go, and the rings stay what they are`() async throws {
        let ring = try await service(master(1)).load(at: testStart)
        guard
            case .done(let resealed) = try await service(master(1)).reseal(
                under: master(2, 1), at: late, as: MemoryKeys.administrator, from: .server)
        else {
            Issue.record("refused")
            return
        }
        #expect(resealed.count == 7)
        #expect(await store.audit == [.init(event: .keysResealed, detail: nil)])
        let without = try await service(master(2)).load(at: late)
        #expect(without.jwks == ring.jwks && without.refresh.active.id == ring.refresh.active.id)
        #expect(without.signing.keyID == ring.signing.keyID)
        await #expect(throws: KeyRingError.self) { try await service(master(1)).load(at: late) }
        // What it makes from now on opens with the new key alone.
        _ = try await resealed.service.rotated(.compromised(.signing, id: ring.signing.keyID), at: late)
        _ = try await service(master(2)).load(at: late)
    }

    @Test func `sealing anew twice changes and audits nothing the second time`() async throws {
        _ = try await service(master(1)).load(at: testStart)
        for count in [7, 0] {
            let before = await store.changes
            guard
                case .done(let resealed) = try await service(master(1)).reseal(
                    under: master(2, 1), at: late, as: .localOperator, from: .server)
            else {
                Issue.record("refused")
                return
            }
            #expect(resealed.count == count)
            #expect(await store.changes == before + (count > 0 ? 1 : 0))
        }
        #expect(await store.audit.count == 1)
    }

    @Test func `a list that does not open every key is refused and names the master key it lacks`() async throws {
        _ = try await service(master(1)).load(at: testStart)
        let before = await store.keys
        let service = try service(master(1))
        await #expect {
            try await service.reseal(under: master(2), at: late, as: .localOperator, from: .server)
        } throws: { error in
            guard case .sealed(_, _, .unknownMasterKey(let id)) = error as? KeyRingError else { return false }
            return id.count == 16 && "\(error)".contains(id)
        }
        #expect(await store.keys == before)
        #expect(await store.audit.isEmpty)
    }
}
