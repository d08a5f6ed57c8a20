import Auth
import Testing

@testable import AuthServer

struct RevocationOutboxTests {
    private let node = Identifier(high: 9, low: 9)
    private let now = UnixTime(milliseconds: 1000)

    private func revocations(_ range: Range<Int64>) -> [Revocation] { range.map { .generation($0) } }

    @Test func `what waits is numbered in the order in which it came`() {
        var outbox = RevocationOutbox()
        outbox.append(revocations(0..<2), at: now)
        outbox.append(revocations(2..<3), at: now.adding(milliseconds: 5))
        #expect(outbox.next == 3)
        #expect(
            outbox.entries(of: node, maximumEntries: 8) == [
                FeedEntry(node: node, sentAt: now, content: .revocations(first: 0, revocations(0..<3)))
            ])
    }

    @Test func `many make entries of at most sixty-four`() {
        var outbox = RevocationOutbox()
        outbox.append(revocations(0..<150), at: now)
        let entries = outbox.entries(of: node, maximumEntries: 2)
        #expect(
            entries.map(\.content) == [
                .revocations(first: 0, revocations(0..<64)), .revocations(first: 64, revocations(64..<128)),
            ])
        #expect(outbox.count == 150)
    }

    @Test func `what arrived waits no more, and numbers go on`() {
        var outbox = RevocationOutbox()
        outbox.append(revocations(0..<10), at: now)
        outbox.acknowledge(below: 4)
        outbox.acknowledge(below: 2)
        #expect(outbox.count == 6)
        #expect(outbox.first == 4)
        outbox.acknowledge(below: 1000)
        #expect(outbox.count == 0)
        #expect(outbox.next == 10)
        outbox.append(revocations(10..<11), at: now)
        #expect(
            outbox.entries(of: node, maximumEntries: 1).map(\.content) == [.revocations(first: 10, revocations(10..<11))]
        )
    }

    @Test func `beyond its room the oldest go, and their numbers with them`() {
        var outbox = RevocationOutbox(capacity: 3)
        outbox.append(revocations(0..<5), at: now)
        #expect(outbox.dropped == 2)
        #expect(
            outbox.entries(of: node, maximumEntries: 1).map(\.content) == [.revocations(first: 2, revocations(2..<5))])
    }

    @Test func `a long life of small portions loses nothing`() {
        var outbox = RevocationOutbox()
        var seen: [Revocation] = []
        for round in 0..<3000 as Range<Int64> {
            outbox.append(revocations(round * 7..<round * 7 + 7), at: now)
            for entry in outbox.entries(of: node, maximumEntries: 1) {
                guard case .revocations(let first, let revocations) = entry.content else { continue }
                let taken = revocations.prefix(5)
                seen += taken
                outbox.acknowledge(below: first + UInt64(taken.count))
            }
        }
        seen += outbox.entries(of: node, maximumEntries: .max).flatMap { entry -> [Revocation] in
            guard case .revocations(_, let revocations) = entry.content else { return [] }
            return revocations
        }
        #expect(seen == revocations(0..<21_000))
    }
}
