import Reactor

/// Which connection is whose, and who waits for one. Pure: it knows connections by number and callers by ticket, and the
/// time is passed in.
struct ConnectionPool {
    enum Acquisition: Equatable {
        /// It is the caller's until released.
        case connection(Int)
        /// Its turn comes, or its deadline.
        case wait
        case refused(Refusal)
    }

    enum Refusal: Equatable {
        /// As many wait as may.
        case full
        /// There has been no connection for as long as anybody waits.
        case outage
        case closed
    }

    enum Release: Equatable {
        case idle
        /// It goes to the next that waited.
        case given(ticket: UInt64)
        /// It broke while it was in use: to be connected anew.
        case broken
    }

    private enum Phase {
        case closed, idle, inUse
        /// Broken, and its user has not come back from it yet.
        case brokenInUse
    }

    private struct Waiter {
        let ticket: UInt64
        let deadline: MonotonicTime
    }

    private let waitMilliseconds: Int64
    private let maximumWaiting: Int
    private var phases: [Phase]
    /// In the order they came, which is the order of their deadlines.
    private var waiters: [Waiter] = []
    /// Since when no connection has been open.
    private var outageStart: MonotonicTime?
    private var isClosed = false

    init(connections: Int, waitMilliseconds: Int64, maximumWaiting: Int, now: MonotonicTime) {
        phases = Array(repeating: .closed, count: connections)
        self.waitMilliseconds = waitMilliseconds
        self.maximumWaiting = maximumWaiting
        outageStart = now
    }

    /// The first attempt to connect begins: an outage from before it counts for nothing.
    mutating func started(at now: MonotonicTime) { outageStart = now }

    var open: Int { phases.count { $0 == .idle || $0 == .inUse } }
    var inUse: Int { phases.count { $0 == .inUse } }
    var waiting: Int { waiters.count }
    var nextDeadline: MonotonicTime? { waiters.first?.deadline }
    var idle: [Int] { phases.indices.filter { phases[$0] == .idle } }

    // MARK: Callers

    /// `ticket` names the caller.
    mutating func acquire(_ ticket: UInt64, at now: MonotonicTime) -> Acquisition {
        if isClosed { return .refused(.closed) }
        // Nobody overtakes who waits; but then nothing is idle.
        if let index = phases.firstIndex(of: .idle) {
            phases[index] = .inUse
            return .connection(index)
        }
        if let outageStart, now >= outageStart.adding(milliseconds: waitMilliseconds) { return .refused(.outage) }
        guard waiters.count < maximumWaiting else { return .refused(.full) }
        waiters.append(Waiter(ticket: ticket, deadline: now.adding(milliseconds: waitMilliseconds)))
        return .wait
    }

    mutating func release(_ index: Int, at now: MonotonicTime) -> Release {
        if phases[index] == .inUse { return give(index).map { .given(ticket: $0) } ?? .idle }
        phases[index] = .closed
        noteOutage(at: now)
        return .broken
    }

    /// False if its turn came already, or its deadline.
    mutating func withdraw(_ ticket: UInt64) -> Bool {
        guard let index = waiters.firstIndex(where: { $0.ticket == ticket }) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// Those whose deadline has come; they wait no more.
    mutating func expire(at now: MonotonicTime) -> [UInt64] {
        let count = waiters.firstIndex { $0.deadline > now } ?? waiters.count
        defer { waiters.removeFirst(count) }
        return waiters.prefix(count).map(\.ticket)
    }

    // MARK: Connections

    /// A connection is open: whose it is now, or nil when it is idle.
    mutating func opened(_ index: Int) -> UInt64? {
        outageStart = nil
        return give(index)
    }

    /// A connection broke. True if it is to be connected anew at once; one in use is when it is released.
    mutating func broke(_ index: Int, at now: MonotonicTime) -> Bool {
        let wasInUse = phases[index] == .inUse || phases[index] == .brokenInUse
        phases[index] = wasInUse ? .brokenInUse : .closed
        noteOutage(at: now)
        return !wasInUse
    }

    /// Takes nobody any more; who waited waits in vain.
    mutating func close() -> [UInt64] {
        isClosed = true
        defer { waiters = [] }
        return waiters.map(\.ticket)
    }

    private mutating func give(_ index: Int) -> UInt64? {
        if waiters.isEmpty {
            phases[index] = .idle
            return nil
        }
        phases[index] = .inUse
        return waiters.removeFirst().ticket
    }

    private mutating func noteOutage(at now: MonotonicTime) {
        if open == 0, outageStart == nil { outageStart = now }
    }
}
