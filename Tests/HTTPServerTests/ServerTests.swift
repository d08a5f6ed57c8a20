import Glibc
import HTTP
import HTTPServer
import Reactor
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServerTests {
    private let get = "GET /now HTTP/1.1\r\nHost: a\r\n\r\n"

    private func deadlines(_ change: (inout Deadlines) -> Void) -> Deadlines {
        var deadlines = Deadlines()
        change(&deadlines)
        return deadlines
    }

    @Test(arguments: ["G", "GET /now HTTP/1.1\r\nHost: a\r\n"])
    func `a head that does not come to an end gets 408 (RFC 9110 15.5.9)`(_ text: String) async throws {
        try await TestServer.run(deadlines: deadlines { $0.head = 50 }) { server in
            let client = try server.client()
            #expect(client.request(text)?.status == 408)
            #expect(client.isEnded())
            await until { server.server.openConnections == 0 }
        }
    }

    @Test func `a body that does not come to an end gets 408`() async throws {
        try await TestServer.run(deadlines: deadlines { $0.body = 50 }) { server in
            let client = try server.client()
            #expect(client.request("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")?.status == 408)
            #expect(client.isEnded())
        }
    }

    @Test func `a body that nobody wants and that does not come to an end gets no second answer`() async throws {
        try await TestServer.run(deadlines: deadlines { $0.body = 50 }) { server in
            let client = try server.client()
            #expect(client.request("POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")?.status == 200)
            #expect(client.isEnded())
            #expect(server.handler.refusals.withLock { $0 }.isEmpty)
        }
    }

    @Test func `a body too large to skip ends the connection after the answer, which says so (RFC 9112 9.6)`()
        async throws
    {
        try await TestServer.run { server in
            for field in ["Content-Length: 99999999", "Content-Length: 9\r\nExpect: 100-continue"] {
                let client = try server.client()
                let reply = client.request("POST /now HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n")
                #expect(reply?.status == 200)
                #expect(reply?.field("connection") == "close")
                #expect(client.isEnded())
                let refused = try server.client()
                let wanted = refused.request("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")
                #expect(wanted?.status == 413)
                #expect(refused.isEnded())
            }
        }
    }

    @Test func `an idle connection ends silently`() async throws {
        try await TestServer.run(deadlines: deadlines { $0.idle = 50 }) { server in
            let client = try server.client()
            #expect(client.isEnded())
            #expect(server.handler.refusals.withLock { $0 }.isEmpty)
        }
    }

    @Test func `an answer that takes too long is 503 and its task is cancelled`() async throws {
        try await TestServer.run(deadlines: deadlines { $0.total = 50 }) { server in
            let waiting = try server.client()
            let reply = waiting.request("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(reply?.status == 503)
            #expect(reply?.field("retry-after") == "1")
            #expect(waiting.isEnded())
            await until { server.handler.cancelled.withLock { $0 } == 1 }
        }
    }

    @Test func `a peer that does not read its answers is dropped and meanwhile nothing more is read from it`()
        async throws
    {
        try await TestServer.run(deadlines: deadlines { $0.write = 100 }) { server in
            let client = try server.client()
            for _ in 0..<4 { client.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n") }
            await until { server.server.openConnections == 0 }
        }
    }

    @Test func `connections beyond the limit wait and are served when there is room`() async throws {
        try await TestServer.run(maximumConnections: 2) { server in
            let first = [try server.client(), try server.client()]
            for client in first { #expect(client.request(get)?.status == 200) }
            let third = try server.client()
            third.send(get)
            await until { server.server.hosts[0].counters.pauses > 0 }
            #expect(server.server.openConnections == 2)
            first[0].close()
            #expect(third.receive()?.status == 200)
        }
    }

    @Test func `draining takes what is queued, answers it with Connection: close and ends`() async throws {
        try await TestServer.run(deadlines: deadlines { $0.drainingIdle = 200 }) { server in
            let idle = try server.client()
            #expect(idle.request(get)?.status == 200)
            let working = try server.client()
            working.send("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            await until { server.group.loops[0].taskCount == 1 }
            // Held, so that the next connections are queued in the kernel when draining begins.
            let held = Lock(true)
            server.group.loops[0].execute { held.wait { $0 ? nil : () } }
            let queued = try (0..<20).map { _ in try server.client() }
            for client in queued { client.send(get) }
            server.server.drain()
            #expect(server.server.isListening)
            held.withLock { $0 = false }
            held.signal()
            await until { !server.server.isListening }
            for client in queued {
                let reply = client.receive()
                #expect(reply?.status == 200)
                #expect(reply?.field("connection") == "close")
            }
            server.handler.gate.withLock { $0 = true }
            #expect(working.receive()?.field("connection") == "close")
            #expect(idle.isEnded())
            for client in queued { client.close() }
            working.close()
            await until { server.server.openConnections == 0 }
            #expect(throws: (any Error).self) { try server.client() }
        }
    }

    @Test func `a thousand connections that come and go in every way leave nothing behind`() async throws {
        try await TestServer.run(loops: 2) { server in
            let before = await counts(server)
            for round in 0..<200 {
                let clients = try (0..<5).map { _ in try server.client() }
                clients[0].send(get)
                clients[1].send("GET /no")
                clients[2].send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
                clients[3].send("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                if round.isMultiple(of: 2) { _ = clients[0].receive() }
                for (index, client) in clients.enumerated() {
                    index.isMultiple(of: 2) ? client.reset() : client.close()
                }
            }
            for handler in server.handlers { handler.gate.withLock { $0 = true } }
            await until { server.server.openConnections == 0 }
            await until { server.group.loops.allSatisfy { $0.taskCount == 0 } }
            #expect(await counts(server) == before)
        }
    }

    @Test func `both loops of a shared port get connections`() async throws {
        try await TestServer.run(loops: 2) { server in
            let clients = try (0..<64).map { _ in try server.client() }
            for client in clients { #expect(client.request(get)?.status == 200) }
            #expect(server.server.hosts.allSatisfy { $0.counters.accepted > 0 })
        }
    }

    /// Descriptors and timers of every loop.
    private func counts(_ server: TestServer) async -> [Int] {
        let counts = Lock<[Int]>([])
        await server.group.runOnAll { index in
            let loop = server.group.loops[index]
            counts.withLock { $0 += [loop.registrationCount, loop.timerCount] }
        }
        return counts.withLock { $0 }
    }

    @Test func `the kernel holds a bounded part of an answer for a peer that does not read`() async throws {
        try await TestServer.run { server in
            let clients = try (0..<8).map { _ in try server.client() }
            for client in clients { client.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n") }
            var before = 0
            // Full, and no more comes: what was not taken waits in the server for the peer.
            await until {
                let now = KernelQueue.unacknowledgedBytes(ofPort: server.port)
                defer { before = now }
                return now > 8 * 16_384 && now == before
            }
            #expect(before <= 8 * 192 * 1024, "twice the 64 KiB that are set, and some")
            for client in clients { #expect(client.receive()?.body.count == 4_000_000) }
        }
    }

    @Test func `ids of requests share a loop's beginning and do not tell how many lie between them`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            let ids = try (0..<200).map { _ in try #require(client.request(get)?.field("x-request-id")) }
            #expect(Set(ids).count == 200 && Set(ids.map { $0.prefix(16) }).count == 1)
            let numbers = try ids.map { try #require(UInt64($0.suffix(16), radix: 16)) }
            let steps = zip(numbers, numbers.dropFirst()).map { $1 &- $0 }
            #expect(Set(steps).count == steps.count, "a counter's steps are alike")
            let flips = zip(numbers, numbers.dropFirst()).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
            #expect((28.0...36.0).contains(Double(flips) / 199), "half of the bits change")
        }
    }

    @Test func `fields that a handler gave with a request go with its answer, whoever makes it, and with no other`()
        async throws
    {
        try await TestServer.run(deadlines: deadlines { ($0.body, $0.total) = (50, 100) }) { server in
            let requests = [
                ("GET /marked HTTP/1.1\r\nHost: a\r\n\r\n", 200),
                ("POST /marked HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", 413),
                ("POST /marked HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", 408),
                ("POST /marked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
                ("GET /marked-wait HTTP/1.1\r\nHost: a\r\n\r\n", 503),
            ]
            for (request, status) in requests {
                let client = try server.client()
                let reply = client.request(request)
                #expect(reply?.status == status)
                #expect(reply?.fields.filter { $0.name == "x-mark" }.map(\.value) == ["yes"], "\(status)")
            }
            let client = try server.client()
            #expect(client.request(requests[0].0)?.field("x-mark") == "yes")
            for request in [get, "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", "x\r\n\r\n"] {
                let reply = client.request(request)
                #expect(reply != nil && reply?.field("x-mark") == nil)
            }
        }
    }
}

/// What the kernel tells of our sockets (proc(5), /proc/net/tcp).
enum KernelQueue {
    /// Bytes in the send queues of all connections of a local port.
    static func unacknowledgedBytes(ofPort port: UInt16) -> Int {
        table().split(separator: "\n").dropFirst().reduce(0) { sum, line in
            let columns = line.split(separator: " ")
            guard columns.count > 4, columns[1].split(separator: ":").last.flatMap({ UInt16($0, radix: 16) }) == port,
                let queue = columns[4].split(separator: ":").first.flatMap({ Int($0, radix: 16) })
            else { return sum }
            return sum + queue
        }
    }

    /// A page a read, so that a short one is no end.
    private static func table() -> String {
        let descriptor = open("/proc/net/tcp", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var (text, page): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 65_536))
        while true {
            let count = read(descriptor, &page, page.count)
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += page[..<count]
        }
    }
}
