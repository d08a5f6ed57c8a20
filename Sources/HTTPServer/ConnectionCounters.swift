import Synchronization

/// What happened to the connections of one loop. Written by that loop alone, read from anywhere.
package final class ConnectionCounters: Sendable {
    private let openedTotal = Atomic<Int>(0)
    private let closedTotal = Atomic<Int>(0)
    private let pausesTotal = Atomic<Int>(0)

    package var accepted: Int { openedTotal.load(ordering: .relaxed) }
    package var open: Int { openedTotal.load(ordering: .relaxed) - closedTotal.load(ordering: .relaxed) }
    /// Times accepting paused for want of descriptors or room.
    package var pauses: Int { pausesTotal.load(ordering: .relaxed) }

    func opened() { openedTotal.add(1, ordering: .relaxed) }
    func closed() { closedTotal.add(1, ordering: .relaxed) }
    func paused() { pausesTotal.add(1, ordering: .relaxed) }
}
