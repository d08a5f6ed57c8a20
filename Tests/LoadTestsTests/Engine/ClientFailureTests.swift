import Glibc
import Reactor
import TestSupport
import Testing

@testable import LoadTests

@Suite("Client of a bad target", .timeLimit(.minutes(1)))
struct ClientFailureTests {
    /// Every request to a target that does so to each of its connections ends like this.
    private func expect(
        _ end: ExchangeEnd, requests: Int = 3, sourceLocation: SourceLocation = #_sourceLocation,
        _ script: @escaping @Sendable (ScriptedTarget.Peer) -> Void
    ) async throws {
        let target = try ScriptedTarget(script)
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            bench.send(requests)
            await bench.wait(for: requests, sourceLocation: sourceLocation)
            #expect(bench.ends == Array(repeating: end, count: requests), sourceLocation: sourceLocation)
            #expect(target.connections == requests, sourceLocation: sourceLocation)
        }
    }

    @Test("Where nobody listens every request is refused, those that wait for a connection too")
    func refused() async throws {
        let socket = try Socket.listen(on: try #require(SocketAddress("127.0.0.1:0")), .alone)
        let port = try #require(socket.localAddress()?.port)
        socket.close()
        try await ClientBench.run(port, kept: 2) { bench in
            bench.send(100)
            bench.send(100, lane: .crowd, from: 100)
            bench.send(100, lane: .own([]), from: 200)
            await bench.wait(for: 300)
            #expect(bench.ends.allSatisfy { $0 == .refused(ECONNREFUSED) })
            #expect(bench.answers.allSatisfy { !$0.isSent })
        }
    }

    @Test("A target that hangs up without an answer breaks the request and no other")
    func hungUp() async throws {
        try await expect(.broken) { peer in _ = peer.request() }
    }

    @Test("A target that resets without an answer breaks the request")
    func reset() async throws {
        try await expect(.broken) { peer in
            _ = peer.request()
            peer.reset()
        }
    }

    @Test(
        "An answer that is cut off breaks the request",
        arguments: [
            "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ])
    func cutOff(_ text: String) async throws {
        try await expect(.broken) { peer in
            _ = peer.request()
            peer.send(text)
        }
    }

    @Test(
        "What is no HTTP/1.1 is malformed",
        arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n", "\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 999 Odd\r\n\r\n",
            "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
            "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Long: 0123456789abcdef\r\n", count: 1_000),
            "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n",
        ])
    func malformed(_ text: String) async throws {
        try await expect(.malformed) { peer in
            _ = peer.request()
            peer.send(text)
            peer.awaitEnd()
        }
    }

    @Test("Bytes behind an answer make it malformed: whose answer they are nobody knows")
    func extraBytes() async throws {
        try await expect(.malformed) { peer in
            _ = peer.request()
            peer.send(reply("a") + "HTTP")
            peer.awaitEnd()
        }
    }

    @Test("A request that is not answered in time is given up, and its connection with it")
    func timeout() async throws {
        let target = try ScriptedTarget { $0.awaitEnd() }
        defer { target.end() }
        try await ClientBench.run(target.port, timeout: 50) { bench in
            let begun = MonotonicTime.now
            bench.send()
            await bench.wait(for: 1)
            #expect(bench.ends == [.timedOut])
            #expect(MonotonicTime.now.nanoseconds(since: begun) >= 50_000_000)
        }
    }

    @Test("The time of a request runs from when it was due, also while it waits for a connection")
    func timeoutFromIntended() async throws {
        let target = try ScriptedTarget { $0.awaitEnd() }
        defer { target.end() }
        try await ClientBench.run(target.port, timeout: 1_000) { bench in
            bench.send(1, timeout: 600_000)
            bench.send(1, lane: .own([]), from: 1, timeout: 600_000)
            await until { target.connections == 2 }
            bench.send(9, ago: 500, from: 2)
            bench.send(3, lane: .own([]), ago: 500, from: 11)
            await bench.wait(for: 12)
            #expect(bench.ends == Array(repeating: .timedOut, count: 12))
            // Those that hold the connections have time yet.
            #expect(Set(bench.answers.map(\.number)) == Set(2..<14))
            #expect(bench.answers.filter(\.isSent).isEmpty)
            #expect(target.connections == 2)
        }
    }

    @Test("A request whose time is over before it goes is not sent")
    func overdue() async throws {
        let target = try ScriptedTarget.answering(reply())
        defer { target.end() }
        try await ClientBench.run(target.port, timeout: 1_000) { bench in
            bench.send(5, ago: 1_000)
            #expect(bench.ends == Array(repeating: .timedOut, count: 5))
            bench.send(1, from: 5)
            await bench.wait(for: 6)
            #expect(target.requests == 1)
        }
    }

    @Test("A connection that nobody accepts is given up in time")
    func unaccepted() async throws {
        // The kernel takes who comes, and nobody ever reads a word.
        let socket = try Socket.listen(on: try #require(SocketAddress("127.0.0.1:0")), .alone)
        let port = try #require(socket.localAddress()?.port)
        try await ClientBench.run(port, kept: 3, timeout: 40) { bench in
            bench.send(9)
            await bench.wait(for: 9)
            #expect(bench.ends == Array(repeating: .timedOut, count: 9))
        }
        socket.close()
    }
}
