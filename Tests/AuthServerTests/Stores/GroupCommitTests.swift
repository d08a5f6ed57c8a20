import Auth
import Reactor
import StoreConformance
import TestSupport
import Testing

@testable import AuthServer

/// A thread that does nothing until it is told to.
private final class HeldThread: StoreThread {
    private let work = Lock<[@Sendable () -> Void]>([])

    func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool {
        self.work.withLock { $0.append(work) }
        return true
    }

    /// Does all that was asked for, on the caller's thread. Returns how often the store had called. Waits for the first
    /// call: operations are in the store's queue before whoever put the first one there has called for it.
    @discardableResult func run() async -> Int {
        await until("the store did not call its thread") { self.work.withLock { !$0.isEmpty } }
        let work = self.work.withLock { work in
            defer { work = [] }
            return work
        }
        for item in work { item() }
        return work.count
    }
}

private struct Deaf: StoreThread {
    func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool { false }
}

struct GroupCommitTests {
    private let token = Identifier(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0000)
    private let expiry = UnixTime(milliseconds: 1000)

    @Test func `what queues up shares one commit, and the thread is called once`() async throws {
        let folder = try TemporaryFolder()
        let thread = HeldThread()
        let store = try folder.open(thread: thread)
        let answers = await start(40, on: store) { try await store.revoke(token: $0, of: $0, until: expiry) }
        #expect(await thread.run() == 1)
        for answer in answers { try await answer.value }
        #expect(store.statistics.commits == 1 && store.statistics.largestBatch == 40)
        #expect(store.statistics.operations == 40 && store.statistics.waiting == 0)
        try store.close()
    }

    @Test func `a batch has a limit`() async throws {
        let folder = try TemporaryFolder()
        let thread = HeldThread()
        var limits = EmbeddedLimits.patient
        limits.batch = 16
        let store = try folder.open(thread: thread, limits: limits)
        let answers = await start(40, on: store) { try await store.revoke(token: $0, of: $0, until: expiry) }
        #expect(await thread.run() == 1)
        for answer in answers { try await answer.value }
        #expect(store.statistics.commits == 3 && store.statistics.largestBatch == 16)
        try store.close()
    }

    @Test func `an operation that fails takes back its own changes and nobody else's`() async throws {
        let folder = try TemporaryFolder()
        let thread = HeldThread()
        let store = try folder.open(thread: thread)
        let answers = await start(9, on: store) { id in
            try await store.perform { transaction in
                try EmbeddedStore.store(.token(id, user: id, until: expiry), transaction)
                if id.low % 3 == 0 { throw StoreError.damaged("on purpose") }
                if id.low % 3 == 1 { try transaction.run("INSERT INTO meta (id) VALUES (2)") }
            }
        }
        await thread.run()
        for (index, answer) in answers.enumerated() {
            switch (await answer.result, index % 3) {
            case (.success, 2), (.failure(StoreError.damaged), 0...1): break
            case (let result, _): Issue.record("\(index): \(result)")
            }
        }
        #expect(store.statistics.commits == 1)
        async let left = store.load(at: UnixTime(milliseconds: 0))
        await waiting(1, in: store)
        await thread.run()
        #expect(
            Set(try await left) == Set([2, 5, 8].map { .token(identifier($0), user: identifier($0), until: expiry) }))
        try store.close()
    }

    @Test func `nobody is answered before the commit: when it fails, nobody's change was made`() async throws {
        let folder = try TemporaryFolder()
        let thread = HeldThread()
        let store = try folder.open(thread: thread)
        let answers = await start(5, on: store) { id in
            try await store.perform { transaction in
                try EmbeddedStore.store(.token(id, user: id, until: expiry), transaction)
                guard id.low % 5 == 3 else { return }
                // A session of nobody, which only the commit finds.
                try transaction.run("PRAGMA defer_foreign_keys = ON")
                try transaction.run(
                    "INSERT INTO sessions VALUES (?, ?, 1, 0, 0, 0, 0, 0, NULL, x'00')", id.blob, id.blob)
            }
        }
        await thread.run()
        for answer in answers {
            guard case .failure(StoreError.commitInDoubt) = await answer.result else {
                Issue.record("answered")
                continue
            }
        }
        #expect(store.statistics.commits == 0)
        async let left = store.load(at: UnixTime(milliseconds: 0))
        await waiting(1, in: store)
        await thread.run()
        #expect(try await left.isEmpty)
        try store.close()
    }

    @Test func `a full queue, a wait too long, a thread that is gone and a closed store are "unavailable"`()
        async throws
    {
        let folder = try TemporaryFolder()
        let thread = HeldThread()
        var limits = EmbeddedLimits.patient
        limits.waiting = 3
        limits.waitMilliseconds = 0
        let store = try folder.open(thread: thread, limits: limits)
        let late = await start(3, on: store) { try await store.revoke(token: $0, of: $0, until: expiry) }
        await #expect(throws: StoreError.unavailable) { try await store.revoke(token: token, of: token, until: expiry) }
        await thread.run()
        for answer in late { await #expect(throws: StoreError.unavailable) { try await answer.value } }
        #expect(store.statistics.commits == 0 && store.statistics.refused == 4)
        let closing = await start(2, on: store) { try await store.revoke(token: $0, of: $0, until: expiry) }
        try store.close()
        for answer in closing { await #expect(throws: StoreError.unavailable) { try await answer.value } }
        await #expect(throws: StoreError.unavailable) { try await store.revoke(token: token, of: token, until: expiry) }
        await thread.run()

        let deaf = try folder.open(thread: Deaf())
        for _ in 0..<2 {
            await #expect(throws: StoreError.unavailable) {
                try await deaf.revoke(token: token, of: token, until: expiry)
            }
        }
        try deaf.close()
    }

    @Test func `a full disk is told from a change that was refused, until one gets through`() async throws {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        try await store.revoke(token: token, of: token, until: expiry)
        await #expect(throws: StoreError.damaged("on purpose")) {
            try await store.perform { _ in throw StoreError.damaged("on purpose") }
        }
        #expect(!store.statistics.isWriteFailing)
        // No page more than there are: what a full disk is to SQLite.
        try await store.perform { try $0.run("PRAGMA max_page_count = 1") }
        await #expect(throws: StoreError.self) {
            try await store.perform { try $0.run("CREATE TABLE large AS SELECT randomblob(1000000)") }
        }
        #expect(store.statistics.isWriteFailing && !store.statistics.hasFailed)
        _ = try await store.load(at: UnixTime(milliseconds: 0))
        #expect(store.statistics.isWriteFailing, "a read proves nothing")
        try await store.probeWriting()
        #expect(!store.statistics.isWriteFailing)
        try store.close()
    }

    private func identifier(_ index: Int) -> Identifier {
        Identifier(high: token.high, low: UInt64(index))
    }

    /// Queues one operation after the other, in the order of their identifiers.
    private func start(
        _ count: Int, on store: EmbeddedStore, _ operation: @escaping @Sendable (Identifier) async throws -> Void
    ) async -> [Task<Void, any Error>] {
        let first = store.statistics.waiting
        var tasks: [Task<Void, any Error>] = []
        for index in 0..<count {
            tasks.append(Task { try await operation(identifier(index)) })
            guard await waiting(first + index + 1, in: store) else { break }
        }
        return tasks
    }

    @discardableResult private func waiting(_ count: Int, in store: EmbeddedStore) async -> Bool {
        await until { store.statistics.waiting >= count }
    }
}
