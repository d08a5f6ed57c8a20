import Glibc
package import Reactor

/// One loop's connections to one endpoint. Connections of the pool are kept and used again, the one used last first; an
/// exchange with a preface (a client address by PROXY protocol) has a connection to itself, closed behind it. When all
/// that may be open are busy, exchanges wait: their time runs.
///
/// On its loop only.
package final class ClientPool: ConnectionOwner {
    package let endpoint: Endpoint
    let readBuffer: UnsafeMutableRawBufferPointer
    private let loop: EventLoop
    private let maximumKept: Int
    private let maximumSingle: Int
    private var idle: [ClientConnection] = []
    private var open: [ClientConnection] = []
    private var singles = 0
    private var kept = 0
    private var waiting = WaitingLine<Exchange>()
    private var waitingSingles = WaitingLine<(Exchange, [UInt8])>()
    private var singleSlots: Set<ObjectIdentifier> = []

    /// At most `kept` connections that are used again, and `single` ones that are not, at any time.
    package init(to endpoint: Endpoint, kept: Int, single: Int, on loop: EventLoop) {
        self.endpoint = endpoint
        self.loop = loop
        maximumKept = kept
        maximumSingle = single
        readBuffer = .allocate(byteCount: 64 * 1024, alignment: 16)
    }

    deinit { readBuffer.deallocate() }

    /// Exchanges that wait for a connection.
    package var waitingCount: Int { waiting.count + waitingSingles.count }
    package var openCount: Int { open.count }

    package func submit(_ exchange: Exchange) {
        if let connection = idle.popLast() {
            connection.start(exchange)
        } else if kept < maximumKept {
            connect(exchange, preface: nil)
        } else {
            waiting.append(exchange)
        }
    }

    /// On a connection of its own that begins with `preface`.
    package func submit(_ exchange: Exchange, preface: [UInt8]) {
        if singles < maximumSingle {
            connect(exchange, preface: preface)
        } else {
            waitingSingles.append((exchange, preface))
        }
    }

    private func connect(_ exchange: Exchange, preface: [UInt8]?) {
        let connection: ClientConnection
        do throws(SystemError) {
            connection = try ClientConnection(to: endpoint, preface: preface ?? endpoint.preface, on: loop, owner: self)
        } catch {
            return exchange.finish(.refused(error.code), nil)
        }
        connection.slot = open.count
        open.append(connection)
        if preface == nil {
            kept += 1
        } else {
            singles += 1
            singleSlots.insert(ObjectIdentifier(connection))
        }
        connection.start(exchange)
    }

    func connectionIsFree(_ connection: ClientConnection) {
        if singleSlots.contains(ObjectIdentifier(connection)) {
            connection.close(.broken)
        } else if let next = waiting.popFirst() {
            connection.start(next)
        } else {
            idle.append(connection)
        }
    }

    func connectionIsGone(_ connection: ClientConnection) {
        let last = open.removeLast()
        if last !== connection {
            open[connection.slot] = last
            last.slot = connection.slot
        }
        if singleSlots.remove(ObjectIdentifier(connection)) != nil {
            singles -= 1
            while singles < maximumSingle, let (exchange, preface) = waitingSingles.popFirst() {
                connect(exchange, preface: preface)
            }
        } else {
            kept -= 1
            idle.removeAll { $0 === connection }
            while kept < maximumKept, let exchange = waiting.popFirst() { connect(exchange, preface: nil) }
        }
    }

    /// Gives up what is due by `now`. Waiting exchanges are looked at from the front: their deadlines come in order,
    /// but for the few of another timeout.
    package func sweep(at now: MonotonicTime) {
        while let first = waiting.first, first.deadline <= now {
            _ = waiting.popFirst()
            first.finish(.timedOut, nil)
        }
        while let (first, _) = waitingSingles.first, first.deadline <= now {
            _ = waitingSingles.popFirst()
            first.finish(.timedOut, nil)
        }
        for connection in open {
            if let exchange = connection.exchange, exchange.deadline <= now { connection.close(.timedOut) }
        }
    }

    /// Ends everything: whoever waits or is under way is cut off.
    package func close() {
        while let exchange = waiting.popFirst() { exchange.finish(.cutOff, nil) }
        while let (exchange, _) = waitingSingles.popFirst() { exchange.finish(.cutOff, nil) }
        for connection in open { connection.close(.cutOff) }
    }
}

/// First in, first out.
struct WaitingLine<Element> {
    private var items: [Element?] = []
    private var start = 0

    var count: Int { items.count - start }
    var first: Element? { start < items.count ? items[start] : nil }

    mutating func append(_ element: Element) { items.append(element) }

    mutating func popFirst() -> Element? {
        guard start < items.count else { return nil }
        defer {
            start += 1
            if start > 1_024, start * 2 > items.count {
                items.removeFirst(start)
                start = 0
            }
        }
        return items[start].take()
    }
}
