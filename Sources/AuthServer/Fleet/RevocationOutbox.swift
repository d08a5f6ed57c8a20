import Auth

/// Revocations of this node that the stream has not confirmed, in the order in which they were numbered. Pure.
struct RevocationOutbox {
    /// Five megabytes: a minute without the stream at more logouts than any node has. Those given up beyond are missing
    /// for the others, who notice by the numbers and have them from the database.
    static let standardCapacity = 65_536

    private struct Item {
        let revocation: Revocation
        let since: UnixTime
    }

    private let capacity: Int
    private var items: [Item] = []
    /// Where in `items` the first one is that counts; taken from the front in steps.
    private var start = 0
    /// The number of the first one that waits.
    private(set) var first: UInt64 = 0
    /// Given up for want of room.
    private(set) var dropped = 0

    init(capacity: Int = RevocationOutbox.standardCapacity) { self.capacity = max(1, capacity) }

    var count: Int { items.count - start }
    /// The number that the next one gets: how many there ever were.
    var next: UInt64 { first + UInt64(count) }

    mutating func append(_ revocations: [Revocation], at now: UnixTime) {
        for revocation in revocations { items.append(Item(revocation: revocation, since: now)) }
        let excess = count - capacity
        if excess > 0 {
            dropped += excess
            remove(excess)
        }
    }

    /// What waits, in at most `maximumEntries` entries; those stay until they are acknowledged.
    func entries(of node: Identifier, maximumEntries: Int) -> [FeedEntry] {
        var entries: [FeedEntry] = []
        var position = start
        while position < items.count, entries.count < maximumEntries {
            let end = min(items.count, position + FeedEntry.maximumRevocations)
            entries.append(
                FeedEntry(
                    node: node, sentAt: items[position].since,
                    content: .revocations(
                        first: first + UInt64(position - start), items[position..<end].map(\.revocation))))
            position = end
        }
        return entries
    }

    /// Everything below `number` is in the stream.
    mutating func acknowledge(below number: UInt64) {
        if number > first { remove(Int(min(number - first, UInt64(count)))) }
    }

    private mutating func remove(_ number: Int) {
        start += number
        first += UInt64(number)
        if start == items.count {
            items.removeAll(keepingCapacity: start < 1024)
            start = 0
        } else if start > 4096, start > items.count / 2 {
            items.removeFirst(start)
            start = 0
        }
    }
}
