import Synchronization

/// A fixed number of counters that one loop writes and anybody reads. Adding is a relaxed load and store, not a locked
/// instruction, because there is one writer.
///
/// `@unchecked Sendable`: the memory is allocated once, every cell is atomic.
final class CounterTable: @unchecked Sendable {
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    let count: Int

    init(count: Int) {
        self.count = count
        cells = .allocate(capacity: count)
        for index in 0..<count { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: count)
        cells.deallocate()
    }

    /// Writer only.
    func add(_ amount: UInt64 = 1, at index: Int) {
        precondition(index >= 0 && index < count)
        cells[index].store(cells[index].load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    subscript(index: Int) -> UInt64 {
        precondition(index >= 0 && index < count)
        return cells[index].load(ordering: .relaxed)
    }
}
