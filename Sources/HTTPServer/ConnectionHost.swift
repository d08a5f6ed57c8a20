package import HTTP
package import Reactor

/// What the connections of one loop share: the buffers that are in use only while a request is read or answered, the
/// handler. So an idle connection holds none of them.
///
/// `@unchecked Sendable`: made before its loop serves, then touched only on that loop.
package final class ConnectionHost: @unchecked Sendable {
    /// Bytes read at once, and so the most a connection can put before us in one go.
    static let readSize = 64 * 1024

    package let loop: EventLoop
    package let limits: Limits
    /// Without a limit of the body: the handler says, once it has seen the head, whether it wants one and how much.
    let headLimits: Limits
    package let deadlines: Deadlines
    /// Whom to believe about who a client is.
    let clients: ClientPolicy
    /// More connections than this wait in the kernel's queue.
    package let maximumConnections: Int
    package let counters: ConnectionCounters
    let handler: any RequestHandler

    var output = OutputBuffer()
    let scratch: UnsafeMutableRawBufferPointer
    private(set) var isDraining = false
    private(set) var connections: [ObjectIdentifier: Connection] = [:]
    private let requestIDPrefix = UInt64.random(in: .min ... .max)
    private let requestIDKey = UInt64.random(in: .min ... .max)
    private var requestCount = UInt64.random(in: .min ... .max)
    private var date = DateCache()
    /// Called when a connection closed: a descriptor is free again.
    var onClose: (() -> Void)?

    package init(
        loop: EventLoop, limits: Limits, deadlines: Deadlines, maximumConnections: Int,
        clients: ClientPolicy = ClientPolicy(), handler: any RequestHandler
    ) {
        self.loop = loop
        self.limits = limits
        var headLimits = limits
        headLimits.bodyBytes = .max
        self.headLimits = headLimits
        self.deadlines = deadlines
        self.clients = clients
        self.maximumConnections = maximumConnections
        self.handler = handler
        counters = ConnectionCounters()
        scratch = .allocate(byteCount: ConnectionHost.readSize, alignment: 16)
    }

    deinit { scratch.deallocate() }

    package var connectionCount: Int { connections.count }

    /// A random number of this loop and a counter, mixed (SplitMix64) so that two ids do not tell at a glance how many
    /// requests lie between them: unique, not a secret.
    func nextRequestID() -> RequestID {
        requestCount &+= 0x9E37_79B9_7F4A_7C15
        var mixed = requestCount ^ requestIDKey
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return RequestID(requestIDPrefix, mixed ^ (mixed >> 31))
    }

    func frame(isLast: Bool, headOnly: Bool) -> ResponseFrame {
        ResponseFrame(date: date.current(at: loop.now), keepAlive: !isLast, headOnly: headOnly)
    }

    /// Appends an answer to the output.
    func write(_ response: borrowing Response, _ requestID: borrowing RequestID, isLast: Bool, headOnly: Bool) {
        ResponseSerializer.write(
            response, to: &output, date: date.current(at: loop.now), requestID: requestID, keepAlive: !isLast,
            headOnly: headOnly)
    }

    func add(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = connection
        counters.opened()
    }

    func remove(_ connection: Connection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        counters.closed()
        onClose?()
    }

    /// Every answer from now on says `Connection: close`; idle connections end after a moment.
    func drain() {
        isDraining = true
        for connection in connections.values { connection.assumeIsolated { $0.drain() } }
    }

    /// Ends what is left, answered or not.
    package func closeAll() {
        for connection in connections.values { connection.assumeIsolated { $0.close() } }
    }
}

/// The `Date` field, written anew once a second (RFC 9110 section 6.6.1).
struct DateCache {
    private var text = HTTPDate(unixSeconds: 0)
    private var validUntil = MonotonicTime(nanoseconds: 0)

    mutating func current(at now: MonotonicTime) -> HTTPDate {
        if now >= validUntil {
            let wall = wallClockMilliseconds()
            text = HTTPDate(unixSeconds: wall / 1000)
            validUntil = now.adding(milliseconds: 1000 - wall % 1000)
        }
        return text
    }
}
