import HTTP
import HTTPServer
import Reactor
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    private let get = "GET /now HTTP/1.1\r\nHost: a\r\n\r\n"

    private func post(_ path: String, _ body: String) -> String {
        "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test func `requests on one connection are answered in order, at once and by tasks`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            client.send(get + post("/echo", "one") + get + post("/echo", "two"))
            let bodies = (0..<4).map { _ in client.receive()?.text }
            #expect(bodies == ["/now", "one", "/now", "two"])
        }
    }

    @Test func `five hundred pipelined requests are answered in order`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            client.send((0..<500).map { "GET /now\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
            for index in 0..<500 { #expect(client.receive()?.text == "/now\(index)") }
        }
    }

    @Test func `a request in single bytes is answered as one in whole`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            for byte in Array(post("/echo", "hello").utf8) { client.send([byte]) }
            #expect(client.receive()?.text == "hello")
        }
    }

    @Test func `chunked bodies arrive whole and the next request is found behind them`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            client.send(
                "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
            )
            client.send(get)
            #expect(client.receive()?.text == "abcde")
            #expect(client.receive()?.text == "/now")
        }
    }

    @Test func `the body of a request that was answered at its head is thrown away`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            client.send(post("/now", String(repeating: "x", count: 40_000)) + get)
            #expect(client.receive()?.text == "/now")
            #expect(client.receive()?.text == "/now")
        }
    }

    @Test func `HEAD is answered without a body (RFC 9110 9.3.2)`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            let reply = client.request("HEAD /now HTTP/1.1\r\nHost: a\r\n\r\n", headOnly: true)
            #expect(reply?.field("content-length") == "4")
            #expect(client.request(get)?.text == "/now")
        }
    }

    @Test func `a client that expects 100 gets it before the body and only then (RFC 9110 10.1.1)`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            let head = "HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
            #expect(client.request("POST /echo \(head)")?.status == 100)
            client.send("ok")
            #expect(client.receive()?.text == "ok")
            // Answered at the head: the body may never come, so the connection ends.
            let answered = client.request("POST /now \(head)")
            #expect(answered?.status == 200)
            #expect(client.isEnded())
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: a\n\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("\u{0}\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n", 413),
        ("GET /" + String(repeating: "a", count: 9000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 20_000) + "\r\n\r\n", 431),
    ])
    func `what cannot be read gets a problem and the connection ends`(_ text: String, _ status: Int) async throws {
        try await TestServer.run { server in
            let client = try server.client()
            let reply = client.request(text)
            #expect(reply?.status == status)
            #expect(reply?.field("content-type") == "application/problem+json")
            #expect(reply?.field("connection") == "close")
            #expect(reply?.text.contains(reply?.field("x-request-id") ?? "none") == true)
            #expect(client.isEnded())
            #expect(server.handler.refusals.withLock { $0 } == [UInt16(status)])
        }
    }

    @Test func `a request and the end of input in one event are both seen`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            #expect(client.request(get)?.status == 200)
            // The loop is held, so that request and FIN are one event.
            let held = Lock(true)
            server.group.loops[0].execute { held.wait { $0 ? nil : () } }
            client.send(get)
            client.shutdownWriting()
            held.withLock { $0 = false }
            held.signal()
            #expect(client.receive()?.text == "/now")
            #expect(client.isEnded())
            await until { server.server.openConnections == 0 }
        }
    }

    @Test func `a half-closed client still gets the answer that a task makes`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            client.send(post("/wait", "late"))
            client.shutdownWriting()
            await until { server.group.loops[0].taskCount == 1 }
            server.handler.gate.withLock { $0 = true }
            #expect(client.receive()?.text == "late")
            #expect(client.isEnded())
        }
    }

    @Test func `the task of a client that left is cancelled`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            client.send(post("/wait", "x"))
            await until { server.group.loops[0].taskCount == 1 }
            client.reset()
            await until { server.handler.cancelled.withLock { $0 } == 1 }
            await until { server.group.loops[0].taskCount == 0 && server.server.openConnections == 0 }
        }
    }

    @Test func `an answer larger than the socket takes comes whole, and the next request after it`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            client.send(post("/big", "") + get)
            #expect(client.receive()?.body.count == 4_000_000)
            #expect(client.receive()?.text == "/now")
        }
    }

    @Test func `HTTP/1.0 and Connection: close end the connection after the answer (RFC 9112 9.3)`() async throws {
        try await TestServer.run { server in
            for text in [
                "GET /now HTTP/1.0\r\nHost: a\r\n\r\n", "GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            ] {
                let client = try server.client()
                #expect(client.request(text + get)?.field("connection") == "close")
                #expect(client.isEnded())
            }
        }
    }

    @Test func `a task's answer behind answers that wait for room comes in order, and so do the requests after it`()
        async throws
    {
        try await TestServer.run { server in
            let client = try server.client()
            let big = String(repeating: "GET /now-big HTTP/1.1\r\nHost: a\r\n\r\n", count: 15)
            client.send(big + post("/wait", "task") + get)
            await until { server.group.loops[0].taskCount == 1 }
            server.handler.gate.withLock { $0 = true }
            await until { server.group.loops[0].taskCount == 0 }
            for _ in 0..<15 { #expect(client.receive()?.body.count == 1_000_000) }
            #expect(client.receive()?.text == "task")
            #expect(client.receive()?.text == "/now")
        }
    }

    @Test func `a last answer behind answers that wait for room comes whole`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            let big = String(repeating: "GET /now-big HTTP/1.1\r\nHost: a\r\n\r\n", count: 15)
            client.send(big + "POST /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            await until { server.group.loops[0].taskCount == 1 }
            server.handler.gate.withLock { $0 = true }
            await until { server.group.loops[0].taskCount == 0 }
            for _ in 0..<15 { #expect(client.receive()?.body.count == 1_000_000) }
            #expect(client.receive()?.text == "ok")
            #expect(client.isEnded())
        }
    }

    @Test func `the task of a client that left is cancelled, also when earlier answers wait for room`() async throws {
        try await TestServer.run { server in
            let client = try server.client()
            let big = String(repeating: "GET /now-big HTTP/1.1\r\nHost: a\r\n\r\n", count: 15)
            client.send(big + post("/wait", "task"))
            await until { server.group.loops[0].taskCount == 1 }
            client.reset()
            await until { server.handler.cancelled.withLock { $0 } == 1 }
            await until { server.group.loops[0].taskCount == 0 && server.server.openConnections == 0 }
        }
    }

    @Test func `the last answer's connection ends at once when the body it did not wait for has come`() async throws {
        var deadlines = Deadlines()
        deadlines.linger = 60_000
        try await TestServer.run(deadlines: deadlines) { server in
            let client = try server.client()
            let head = "POST /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
            #expect(client.request(head)?.text == "/now")
            client.send("ok")
            #expect(client.isEnded())
        }
    }

    @Test func `a body thrown away that turns out malformed ends the connection without a second answer`()
        async throws
    {
        var deadlines = Deadlines()
        deadlines.linger = 60_000
        try await TestServer.run(deadlines: deadlines) { server in
            let client = try server.client()
            let head = "POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            #expect(client.request(head)?.text == "/now")
            client.send("xyz\r\n")
            #expect(client.isEnded())
        }
    }

    @Test func `a body thrown away that does not come gets no second answer`() async throws {
        var deadlines = Deadlines()
        deadlines.body = 50
        try await TestServer.run(deadlines: deadlines) { server in
            let client = try server.client()
            #expect(client.request("POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")?.text == "/now")
            #expect(client.isEnded())
        }
    }

    @Test func `input behind the last request does not cost a half-closed client its answer (RFC 9112 9.6)`()
        async throws
    {
        try await TestServer.run { server in
            for _ in 0..<20 {
                let client = try server.client()
                // The loop is held, so that everything and the FIN are there before the first read.
                let held = Lock(true)
                server.group.loops[0].execute { held.wait { $0 ? nil : () } }
                client.send("GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                client.send([UInt8](repeating: 0x78, count: 120_000))
                client.shutdownWriting()
                held.withLock { $0 = false }
                held.signal()
                #expect(client.receive()?.text == "/now")
                #expect(client.isEndedByFIN())
            }
        }
    }

    @Test func `HEAD gets no body when the connection refuses by itself (RFC 9110 9.3.2)`() async throws {
        var deadlines = Deadlines()
        deadlines.total = 50
        try await TestServer.run(deadlines: deadlines) { server in
            for text in [
                "HEAD / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 20_000) + "\r\n\r\n",
                "HEAD /wait HTTP/1.1\r\nHost: a\r\n\r\n",
                "HEAD /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
            ] {
                let client = try server.client()
                let reply = client.request(text, headOnly: true)
                #expect(reply?.field("content-length") != "0")
                #expect((reply?.status ?? 0) >= 400)
                #expect(client.isEnded())
            }
        }
    }

    @Test func `a client that has sent much gets its answers in turn with others`() async throws {
        try await TestServer.run { server in
            let greedy = try server.client()
            let modest = try server.client()
            #expect(greedy.request(get)?.status == 200)
            #expect(modest.request(get)?.status == 200)
            let held = Lock(true)
            server.group.loops[0].execute { held.wait { $0 ? nil : () } }
            let long = "GET /now-long" + String(repeating: "a", count: 8000) + " HTTP/1.1\r\nHost: a\r\n\r\n"
            greedy.send(String(repeating: long, count: 100))
            modest.send("GET /now-me HTTP/1.1\r\nHost: a\r\n\r\n")
            held.withLock { $0 = false }
            held.signal()
            #expect(modest.receive()?.text == "/now-me")
            for _ in 0..<100 { #expect(greedy.receive()?.status == 200) }
            let order = server.handler.answered.withLock { $0 }
            let position = try #require(order.firstIndex(of: "/now-me"))
            #expect(position <= 2 + 16, "answered as number \(position)")
        }
    }
}
