/// Names a timer that was set; cancelling one that fired or was cancelled does nothing.
package struct TimerID: Sendable, Hashable {
    let value: UInt64
}

/// A loop's timers: a binary heap by deadline. Cancelled entries stay in the heap until they surface or are more than
/// half of it. Pure: the time is passed in.
package struct Timers<Action> {
    private struct Entry {
        let deadline: MonotonicTime
        let id: UInt64

        /// Of equal deadlines the timer set first fires first.
        func precedes(_ other: Entry) -> Bool { (deadline, id) < (other.deadline, other.id) }
    }

    private var heap: [Entry] = []
    private var actions: [UInt64: Action] = [:]
    private var lastID: UInt64 = 0

    package init() {}

    /// Timers set, not yet fired, not cancelled.
    package var count: Int { actions.count }

    /// Of the earliest entry; a cancelled one may make a loop wake once for nothing.
    package var nextDeadline: MonotonicTime? { heap.first?.deadline }

    package mutating func set(at deadline: MonotonicTime, _ action: Action) -> TimerID {
        lastID &+= 1
        actions[lastID] = action
        heap.append(Entry(deadline: deadline, id: lastID))
        siftUp(heap.count - 1)
        return TimerID(value: lastID)
    }

    package mutating func cancel(_ id: TimerID) {
        guard actions.removeValue(forKey: id.value) != nil, heap.count > 64, heap.count > 2 * actions.count else {
            return
        }
        heap.removeAll { actions[$0.id] == nil }
        for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    /// Takes the earliest timer that is due; nil when none is.
    package mutating func popDue(at now: MonotonicTime) -> Action? {
        while let first = heap.first, first.deadline <= now {
            removeFirst()
            if let action = actions.removeValue(forKey: first.id) { return action }
        }
        return nil
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        if heap.isEmpty { return }
        heap[0] = last
        siftDown(0)
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].precedes(heap[parent]) else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            let left = 2 * index + 1
            guard left < heap.count else { return }
            let right = left + 1
            let child = right < heap.count && heap[right].precedes(heap[left]) ? right : left
            guard heap[child].precedes(heap[index]) else { return }
            heap.swapAt(index, child)
            index = child
        }
    }
}
