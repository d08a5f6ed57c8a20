package import HTTP
package import Reactor

/// One loop's part of a scenario: its connections, its requests' pace and what it saw. On its loop only.
///
/// `@unchecked Sendable`: every member but `loop` is touched on the loop alone, to which `spawn` and `execute` lead.
package final class Generator: @unchecked Sendable {
    /// What the loops of a scenario have in common.
    package struct Plan: Sendable {
        package let endpoints: [Endpoint]
        /// The beginning of the measured time.
        package let start: MonotonicTime
        /// Seconds.
        package let duration: Double
        package let warmUp: Double
        package let timeoutMilliseconds: Int64
        /// Of all loops and endpoints together.
        package let connections: Int
        /// Of people and bots, likewise: beside those of the gateway, since nobody waits for another's connection.
        package let crowdConnections: Int
        package let shares: Int
        /// Beyond so many under way or waiting on one loop, new ones are shed and counted: memory has an end.
        package let maximumOutstanding: Int

        package init(
            endpoints: [Endpoint], start: MonotonicTime, duration: Double, warmUp: Double = 0,
            timeoutMilliseconds: Int64 = 10_000, connections: Int = 64, crowdConnections: Int = 4_096, shares: Int = 1,
            maximumOutstanding: Int = 200_000
        ) {
            self.endpoints = endpoints
            self.start = start
            self.duration = duration
            self.warmUp = warmUp
            self.timeoutMilliseconds = timeoutMilliseconds
            self.connections = connections
            self.crowdConnections = crowdConnections
            self.shares = shares
            self.maximumOutstanding = maximumOutstanding
        }

        package var end: MonotonicTime { start.adding(nanoseconds: UInt64(duration * 1e9)) }
    }

    /// One request's turn in a stream; whoever took it says when it is over.
    package struct Turn {
        /// When it should go.
        package let intended: MonotonicTime
        /// Over all loops, from 0; negative in the warm-up.
        package let index: Int
        /// Of a closed loop, where the next turn follows the end of this one.
        fileprivate let closedStream: Int?
    }

    private struct Stream {
        var clock: ArrivalClock
        let isClosed: Bool
        /// Turns of a closed loop so far.
        var turns = 0
        let fire: (Turn) -> Void
    }

    /// Whose connection a request takes.
    package enum Lane: Sendable {
        /// One that is kept, of a gateway that asks for all its users.
        case gateway
        /// One that is kept, of people or bots who are told apart by a field.
        case crowd
        /// One for itself, which begins with these bytes.
        case own([UInt8])
    }

    /// How often deadlines are looked at: a request may be given up so much late.
    private static let sweepMilliseconds: Int64 = 20
    /// After a failure in a closed loop, before its next turn: a target that refuses is not hammered.
    private static let pauseMilliseconds: Int64 = 10
    /// Between two looks at the sockets, however far behind the pace is.
    private static let arrivalsATurn = 256

    package let loop: EventLoop
    package let plan: Plan
    package let share: Int
    /// By endpoint.
    private let gateway: [ClientPool]
    private let crowd: [ClientPool]
    private var streams: [Stream] = []
    private var timer: PreciseTimer?
    private var recorders: [OperationRecorder] = []
    private var nextEndpoint: Int
    private var sweepTimer: TimerID?
    private var cpuAtStart: UInt64 = 0
    private var closings: [() -> Void] = []
    private var sleepers: [TimerID: UnsafeContinuation<Void, Never>] = [:]
    /// Exchanges and flows that have not ended.
    private(set) package var outstanding = 0
    /// Set at the end, or by a signal: nothing begins any more.
    private(set) package var isClosing = false
    /// Of scenarios that score a defence.
    package var tally: AttackTally?
    private(set) package var lag = LatencyHistogram()
    private(set) package var shed: UInt64 = 0

    /// On the loop.
    package init(_ plan: Plan, share: Int, on loop: EventLoop) {
        self.loop = loop
        self.plan = plan
        self.share = share
        nextEndpoint = share
        let pools = plan.endpoints.count * plan.shares
        let (kept, most) = (max(1, plan.connections / pools), max(1, plan.crowdConnections / pools))
        gateway = plan.endpoints.map { ClientPool(to: $0, kept: kept, single: 0, on: loop) }
        crowd = plan.endpoints.map { ClientPool(to: $0, kept: most, single: most, on: loop) }
    }

    // MARK: Pace

    /// Calls `fire` with each turn of `pacing` that is this loop's. Before `begin`. A pacing that saturates has as many
    /// turns at once as there are connections.
    package func addStream(
        _ pacing: Pacing, from start: MonotonicTime? = nil, duration: Double? = nil, warmUp: Double? = nil,
        _ fire: @escaping (Turn) -> Void
    ) {
        let clock = ArrivalClock(
            pacing, start: start ?? plan.start, duration: duration ?? plan.duration, warmUp: warmUp ?? plan.warmUp,
            share: share, of: plan.shares)
        streams.append(Stream(clock: clock, isClosed: pacing.shape == .saturate, fire: fire))
    }

    package func begin() throws(SystemError) {
        cpuAtStart = threadCPUNanoseconds()
        timer = try PreciseTimer(on: loop) { [unowned self] in fireDue() }
        setTimer()
        sweep()
        for stream in streams.indices where streams[stream].isClosed {
            for _ in 0..<max(1, plan.connections / plan.shares) { fireClosed(stream) }
        }
    }

    /// Tells that a turn is over, and how: a closed loop goes on with its next.
    package func finished(_ turn: Turn, isAnswered: Bool) {
        guard let stream = turn.closedStream, !isClosing else { return }
        if isAnswered { return fireClosed(stream) }
        let later = MonotonicTime.now.adding(milliseconds: Generator.pauseMilliseconds)
        _ = loop.schedule(at: later) { [weak self] in self?.fireClosed(stream) }
    }

    private func fireClosed(_ stream: Int) {
        let now = MonotonicTime.now
        guard !isClosing, now < plan.end else { return }
        defer { streams[stream].turns += 1 }
        let index = streams[stream].turns * plan.shares + share
        streams[stream].fire(Turn(intended: now, index: index, closedStream: stream))
    }

    private func fireDue(atMost most: Int = Generator.arrivalsATurn) {
        var budget = most
        for index in streams.indices {
            while budget > 0, !isClosing {
                let now = MonotonicTime.now
                guard let due = streams[index].clock.popDue(at: now) else { break }
                budget -= 1
                lag.record(now.nanoseconds(since: due.at))
                if outstanding < plan.maximumOutstanding {
                    streams[index].fire(Turn(intended: due.at, index: due.index, closedStream: nil))
                } else {
                    shed += 1
                }
            }
        }
        setTimer()
    }

    private func setTimer() {
        guard !isClosing, let next = streams.compactMap({ $0.clock.upcoming?.at }).min() else { return }
        timer?.set(at: next)
    }

    private func sweep() {
        let now = MonotonicTime.now
        for pool in gateway + crowd { pool.sweep(at: now) }
        sweepTimer = loop.schedule(at: now.adding(milliseconds: Generator.sweepMilliseconds)) { [unowned self] in
            sweep()
        }
    }

    /// Begins nothing more; what is under way goes on. What was due until now is begun first, however far behind the
    /// pace is: a request that nobody counts would be one that went well.
    package func stopArrivals() {
        if !isClosing { fireDue(atMost: .max) }
        isClosing = true
    }

    /// Cuts off what is under way. The generator is at its end.
    package func close() {
        isClosing = true
        timer?.close()
        timer = nil
        if let sweepTimer { loop.cancel(sweepTimer) }
        for pool in gateway + crowd { pool.close() }
        for action in closings { action() }
        closings = []
        let asleep = sleepers
        sleepers = [:]
        for (timer, continuation) in asleep {
            loop.cancel(timer)
            continuation.resume()
        }
    }

    // MARK: Requests

    /// Sends a request to one of the endpoints in turn, and calls `completion` with what became of it.
    package func send(
        _ request: [UInt8], intended: MonotonicTime, lane: Lane = .gateway, endpoint: Int? = nil,
        timeoutMilliseconds: Int64? = nil, _ completion: @escaping (Exchange, ExchangeEnd, ResponseParser?) -> Void
    ) {
        outstanding += 1
        let deadline = intended.adding(milliseconds: timeoutMilliseconds ?? plan.timeoutMilliseconds)
        let exchange = Exchange(request, intended: intended, deadline: deadline) {
            [unowned self] exchange, end, parser in
            outstanding -= 1
            completion(exchange, end, parser)
        }
        if isCutOff { return exchange.finish(.cutOff, nil) }
        // Too late before it went, as what waited for something else than a connection may be.
        if deadline <= .now { return exchange.finish(.timedOut, nil) }
        let number = endpoint ?? takeEndpoint()
        switch lane {
        case .gateway: gateway[number].submit(exchange)
        case .crowd: crowd[number].submit(exchange)
        case .own(let preface): crowd[number].submit(exchange, preface: preface)
        }
    }

    /// The endpoint that the next request goes to when it does not matter.
    package func takeEndpoint() -> Int {
        nextEndpoint = (nextEndpoint + 1) % plan.endpoints.count
        return nextEndpoint
    }

    /// Closed: what is sent now is cut off at once.
    package var isCutOff: Bool { isClosing && timer == nil }

    /// Somebody waits for something else than a connection, and counts as under way until `endsWaiting`.
    func beginsWaiting() { outstanding += 1 }
    func endsWaiting() { outstanding -= 1 }

    /// Runs a flow of several requests, which is outstanding until it returns.
    package func spawn(_ body: @escaping @Sendable (Generator) async -> Void) {
        outstanding += 1
        loop.spawn { [self] in
            await body(self)
            outstanding -= 1
        }
    }

    /// What else is to end with the generator.
    package func addClosing(_ action: @escaping () -> Void) { closings.append(action) }

    /// Waits, or until the generator closes.
    package func sleep(seconds: Double) async {
        guard !isCutOff, seconds > 0 else { return }
        await withUnsafeContinuation { continuation in
            var timer: TimerID?
            timer = loop.schedule(at: MonotonicTime.now.adding(nanoseconds: UInt64(min(seconds, 3600) * 1e9))) {
                [weak self] in
                if let timer { self?.sleepers.removeValue(forKey: timer)?.resume() }
            }
            if let timer { sleepers[timer] = continuation }
        }
    }

    /// The whole second of the scenario that a moment is in; negative before the start.
    package func second(of time: MonotonicTime) -> Int { OperationRecorder.second(of: time, plan.start) }

    // MARK: What was seen

    /// The recorder of an operation, made when it is first asked for.
    package func recorder(_ name: String) -> OperationRecorder {
        if let found = recorders.first(where: { $0.name == name }) { return found }
        let made = OperationRecorder(name, start: plan.start)
        recorders.append(made)
        return made
    }

    package func takeFinishedSeconds(at now: MonotonicTime) -> [(String, [OperationRecorder.Second])] {
        recorders.map { ($0.name, $0.takeFinished(at: now)) }
    }

    package func finish() -> [(OperationResult, [OperationRecorder.Second])] { recorders.map { $0.finish() } }

    /// CPU of this loop's thread since `begin`, in nanoseconds.
    package var cpuNanoseconds: UInt64 { threadCPUNanoseconds() - cpuAtStart }
}
