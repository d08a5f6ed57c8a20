import HTTP
import Reactor
import TestSupport
import Testing

@testable import LoadTests

/// A generator without a pace on a loop of its own, and what became of the requests that a test sent by it.
final class ClientBench: Sendable {
    struct Seen: Sendable {
        let number: Int
        let end: ExchangeEnd
        let status: UInt16
        let body: String
        let isSent: Bool
    }

    let loop: EventLoop
    let generator: Generator
    private let seen = Lock<[Seen]>([])

    private init(_ plan: Generator.Plan) throws {
        loop = try EventLoop(name: "bench")
        try loop.start()
        let loop = loop
        generator = loop.runAndWait { Generator(plan, share: 0, on: loop) }
        let generator = generator
        let isBegun = loop.runAndWait {
            do throws(SystemError) { try generator.begin() } catch { return false }
            return true
        }
        try #require(isBegun)
    }

    /// Runs `body` with one, then closes it: no request may be left then.
    static func run(
        _ port: UInt16, kept: Int = 1, crowd: Int = 1, timeout: Int64 = 20_000, preface: String = "",
        tls: TLSEndpoint? = nil, _ body: (ClientBench) async throws -> Void
    ) async throws {
        let address = try #require(SocketAddress("127.0.0.1:\(port)"))
        let endpoint = Endpoint(address, host: "127.0.0.1:\(port)", preface: Array(preface.utf8), tls: tls)
        let plan = Generator.Plan(
            endpoints: [endpoint], start: .now, duration: 600, timeoutMilliseconds: timeout, connections: kept,
            crowdConnections: crowd)
        let bench = try ClientBench(plan)
        defer {
            bench.loop.stop()
            bench.loop.join()
        }
        try await body(bench)
        bench.close()
        #expect(bench.loop.runAndWait { bench.generator.outstanding } == 0)
        let numbers = bench.answers.map(\.number)
        #expect(Set(numbers).count == numbers.count, "a completion was called twice")
    }

    /// In the order in which they ended.
    var answers: [Seen] { seen.withLock { $0 } }
    var ends: [ExchangeEnd] { answers.map(\.end) }

    /// Sends requests for `/0`, `/1` and so on, all at once; `ago`: milliseconds since they were due.
    func send(
        _ count: Int = 1, lane: Generator.Lane = .gateway, ago: UInt64 = 0, from first: Int = 0, size: Int = 0,
        timeout: Int64? = nil
    ) {
        let (generator, seen) = (generator, seen)
        loop.runAndWait {
            let now = MonotonicTime.now.nanoseconds
            let intended = MonotonicTime(nanoseconds: now - min(now, ago * 1_000_000))
            for number in first..<(first + count) {
                let padding = size == 0 ? "" : "X-Padding: \(String(repeating: "x", count: size))\r\n"
                let request = Array("GET /\(number) HTTP/1.1\r\nHost: a\r\n\(padding)\r\n".utf8)
                generator.send(request, intended: intended, lane: lane, timeoutMilliseconds: timeout) {
                    exchange, end, parser in
                    let body = String(decoding: parser?.body ?? [], as: UTF8.self)
                    let one = Seen(
                        number: number, end: end, status: parser?.status ?? 0, body: body, isSent: exchange.sent != nil)
                    seen.withLock { $0.append(one) }
                }
            }
        }
    }

    /// Sends one and waits for its end.
    func ask(_ number: Int, lane: Generator.Lane = .gateway, size: Int = 0) async -> Seen? {
        let before = answers.count
        send(lane: lane, from: number, size: size)
        await wait(for: before + 1)
        return answers.last
    }

    /// Waits until so many have ended.
    func wait(for count: Int, sourceLocation: SourceLocation = #_sourceLocation) async {
        await until("\(count) requests did not end", sourceLocation: sourceLocation) { answers.count >= count }
    }

    func close() {
        let generator = generator
        loop.runAndWait { generator.close() }
    }
}

/// A plain answer.
func reply(_ body: String = "", status: Int = 200, _ fields: String = "") -> String {
    "HTTP/1.1 \(status) Said\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}
