import Synchronization

/// What happened to the connections of one loop. Written by that loop alone, read from anywhere.
package final class ConnectionCounters: Sendable {
    private let openedTotal = Atomic<Int>(0)
    private let closedTotal = Atomic<Int>(0)
    private let pausesTotal = Atomic<Int>(0)
    private let refusedTotal = Atomic<Int>(0)

    package var accepted: Int { openedTotal.load(ordering: .relaxed) }
    package var open: Int { openedTotal.load(ordering: .relaxed) - closedTotal.load(ordering: .relaxed) }
    /// Times accepting paused for want of descriptors or room.
    package var pauses: Int { pausesTotal.load(ordering: .relaxed) }
    /// Closed for want of a valid PROXY header, or since nobody takes one from that address.
    package var refusals: Int { refusedTotal.load(ordering: .relaxed) }

    func opened() { openedTotal.add(1, ordering: .relaxed) }
    func closed() { closedTotal.add(1, ordering: .relaxed) }
    func refused() { refusedTotal.add(1, ordering: .relaxed) }
    func paused() { pausesTotal.add(1, ordering: .relaxed) }
}
