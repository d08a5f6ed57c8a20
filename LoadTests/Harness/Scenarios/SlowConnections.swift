import Glibc
import Reactor

/// Connections that begin a login and never come to its end: a field every now and then, to look alive. As often as the
/// target cuts one off, another takes its place.
final class SlowConnections {
    /// At once, of all loops together.
    static let connections = 1_000
    /// Between two fields of one connection, in seconds.
    static let dripSeconds = 2.0

    /// One turn opens so many and drips on one part of them: the generator has a pace to keep beside it.
    private static let turnMilliseconds: Int64 = 20
    private static let openedATurn = 20

    private let scene: Scene
    private let generator: Generator
    private var open: [SlowConnection] = []
    /// Numbers of bots without a connection.
    private var missing: [Int] = []
    private var turn = 0
    private var isOver = false

    init(_ scene: Scene, _ generator: Generator) {
        self.scene = scene
        self.generator = generator
    }

    /// The generator's closing ends them; so does the end of the attack.
    func begin(start: MonotonicTime, seconds: Double) {
        _ = generator.recorder("attack")
        generator.addClosing { [self] in end() }
        missing = Array(0..<SlowConnections.connections / generator.plan.shares)
        _ = generator.loop.schedule(at: start) { [self] in take() }
        _ = generator.loop.schedule(at: start.adding(nanoseconds: UInt64(seconds * 1e9))) { [self] in end() }
    }

    private func take() {
        guard !isOver else { return }
        let turns = Int(SlowConnections.dripSeconds * 1_000) / Int(SlowConnections.turnMilliseconds)
        for connection in open where connection.number % turns == turn % turns { connection.drip() }
        turn += 1
        for _ in 0..<min(SlowConnections.openedATurn, missing.count) { connect(missing.removeLast()) }
        let next = MonotonicTime.now.adding(milliseconds: SlowConnections.turnMilliseconds)
        _ = generator.loop.schedule(at: next) { [self] in take() }
    }

    private func connect(_ number: Int) {
        let endpoint = scene.endpoints[generator.takeEndpoint()]
        let bot = ClientAddresses(.bots, seed: scene.seed)[number]
        do throws(SystemError) {
            let connection = try SlowConnection(
                number, to: endpoint, preface: generator.preface(scene.carrier, bot, endpoint) ?? [],
                path: scene.basePath + "/", on: generator.loop
            ) { [self] connection, code in ended(connection, code) }
            open.append(connection)
        } catch {
            missing.append(number)
            note(.refusedConnection, .refused(error.code), .now)
        }
    }

    /// `code`: of a connection that was refused; nil of one that the target ended.
    private func ended(_ connection: SlowConnection, _ code: Int32?) {
        open.removeAll { $0 === connection }
        missing.append(connection.number)
        if let code {
            note(.refusedConnection, .refused(code), connection.begun)
        } else {
            note(.throttled, .ok, connection.begun)
        }
    }

    private func end() {
        guard !isOver else { return }
        isOver = true
        for connection in open {
            connection.close()
            // The target bore it to the end.
            note(.failed, .timedOut, connection.begun)
        }
        open = []
    }

    /// Under the second in which it ended: that is when the target saw through it.
    private func note(_ outcome: AttackTally.Outcome, _ fate: Fate, _ begun: MonotonicTime) {
        let now = MonotonicTime.now
        generator.recorder("attack").record(fate, status: 0, intended: begun, sent: nil, done: now)
        generator.tally?.attempt(at: generator.second(of: now), outcome, account: nil)
    }
}

/// One of them.
private final class SlowConnection: ReadinessHandler {
    let number: Int
    let begun = MonotonicTime.now
    private let socket: Int32
    private let loop: EventLoop
    private var registration: Registration?
    private var isConnected = false
    private let opening: [UInt8]
    private let ended: (SlowConnection, Int32?) -> Void

    init(
        _ number: Int, to endpoint: Endpoint, preface: [UInt8], path: String, on loop: EventLoop,
        _ ended: @escaping (SlowConnection, Int32?) -> Void
    ) throws(SystemError) {
        self.number = number
        self.loop = loop
        self.ended = ended
        opening = preface + Array("POST \(path) HTTP/1.1\r\nHost: \(endpoint.host)\r\n".utf8)
        socket = try Socket.connect(to: endpoint.address).descriptor
        do throws(SystemError) {
            registration = try loop.register(socket, [.readable, .writable, .readClosed], self)
        } catch {
            Glibc.close(socket)
            throw error
        }
    }

    func drip() { if isConnected { send(Array("X-Slow: 1\r\n".utf8)) } }

    func close() {
        guard let registration = registration.take() else { return }
        loop.deregister(registration, isClosing: true)
        Glibc.close(socket)
    }

    func ready(_ readiness: Readiness) {
        if !isConnected {
            let code = Socket(owning: socket).connectionError()
            guard code == 0 else { return end(code) }
            guard readiness.contains(.writable) else { return }
            isConnected = true
            send(opening)
        }
        if readiness.endsInput || readiness.contains(.readable) { end(nil) }
    }

    private func send(_ bytes: [UInt8]) {
        guard registration != nil else { return }
        if case .failed = bytes.withUnsafeBytes({ Socket(owning: socket).write($0) }) { end(nil) }
    }

    private func end(_ code: Int32?) {
        guard registration != nil else { return }
        close()
        ended(self, code)
    }
}
