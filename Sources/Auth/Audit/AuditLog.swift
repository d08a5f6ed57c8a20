/// Takes what changed nothing and so has no transaction of its own to be told in. Never waits: an entry is queued or,
/// under a flood, counted as lost.
package protocol AuditLog: Sendable {
    func record(_ entry: AuditEntry)
}

/// What waits for the store. A plain value; whoever owns it serialises access.
///
/// A full queue loses what comes last. Refusals by the throttle cost their sender next to nothing, so they fill no more
/// than half of it: they push no failed comparison out.
package struct AuditQueue: Sendable {
    /// About a second of failed logins at what four cores hash, and half a mebibyte.
    package static let standardCapacity = 1024
    /// Entries of one transaction: a few milliseconds of the store's time.
    package static let batch = 256

    private let capacity: Int
    private var entries: [AuditEntry] = []
    private var unreported = 0
    /// Entries lost since the start, for the metrics.
    package private(set) var dropped = 0

    package init(capacity: Int = AuditQueue.standardCapacity) { self.capacity = max(2, capacity) }

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty && unreported == 0 }

    package mutating func append(_ entry: AuditEntry) {
        guard entries.count < (entry.event.kind == .throttled ? capacity / 2 : capacity) else {
            unreported += 1
            dropped += 1
            return
        }
        entries.append(entry)
    }

    /// The oldest entries, at most a batch, with one that says how many were lost, if any were. They leave the queue.
    package mutating func take(at now: UnixTime) -> [AuditEntry] {
        var taken = Array(entries.prefix(AuditQueue.batch))
        entries.removeFirst(taken.count)
        if unreported > 0 {
            taken.append(
                AuditEntry(
                    at: now, event: .auditOverflowed, actor: .server, origin: .server, detail: String(unreported)))
            unreported = 0
        }
        return taken
    }

    /// A batch that the store did not take. Counted, not kept: a commit in doubt may have it, and what follows needs the
    /// room.
    package mutating func lose(_ taken: [AuditEntry]) {
        for entry in taken where entry.event != .auditOverflowed {
            unreported += 1
            dropped += 1
        }
        for case let detail? in taken.lazy.filter({ $0.event == .auditOverflowed }).map(\.detail) {
            unreported += Int(detail) ?? 0
        }
    }
}
