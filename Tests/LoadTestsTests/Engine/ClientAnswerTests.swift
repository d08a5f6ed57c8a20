import Reactor
import TestSupport
import Testing

@testable import LoadTests

@Suite("Client and its answers", .timeLimit(.minutes(1)))
struct ClientAnswerTests {
    @Test("An answer that comes byte by byte is one answer")
    func bytes() async throws {
        let target = try ScriptedTarget { peer in
            while peer.request() != nil { for character in reply("hello") { peer.send(String(character)) } }
        }
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            bench.send(3)
            await bench.wait(for: 3)
            #expect(bench.answers.map(\.body) == ["hello", "hello", "hello"])
            #expect(target.connections == 1)
        }
    }

    @Test(
        "Every framing of an answer is read and its connection used again",
        arguments: [
            (reply(), 200, ""), (reply("abc"), 200, "abc"), ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, ""),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n",
                200, "abcde"
            ),
            ("HTTP/1.1 100 Continue\r\n\r\n" + reply("late", status: 503), 503, "late"),
        ])
    func framings(_ text: String, _ status: UInt16, _ body: String) async throws {
        let target = try ScriptedTarget.answering(text)
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            bench.send(5)
            await bench.wait(for: 5)
            #expect(bench.ends == Array(repeating: .answered, count: 5))
            #expect(bench.answers.allSatisfy { $0.status == status && $0.body == body && $0.isSent })
            #expect(target.connections == 1)
        }
    }

    @Test(
        "An answer that ends its connection is whole, and the next request goes by another",
        arguments: [
            reply("abc", "Connection: close\r\n"), "HTTP/1.1 200 OK\r\n\r\nabc",
            "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        ])
    func lastAnswer(_ text: String) async throws {
        let target = try ScriptedTarget { peer in
            if peer.request() != nil { peer.send(text) }
        }
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            bench.send(4)
            await bench.wait(for: 4)
            #expect(bench.ends == Array(repeating: .answered, count: 4))
            #expect(bench.answers.allSatisfy { $0.body == "abc" })
            #expect(target.connections == 4)
        }
    }

    @Test("A megabyte of an answer is read whole")
    func large() async throws {
        let body = String(repeating: "0123456789abcdef", count: 65_536)
        let target = try ScriptedTarget.answering(reply(body))
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            #expect(await bench.ask(0)?.body == body)
            #expect(await bench.ask(1)?.body == body)
        }
    }

    @Test("A request larger than the socket takes at once goes out whole")
    func largeRequest() async throws {
        let target = try ScriptedTarget { peer in
            while let request = peer.request() { peer.send(reply("\(request.utf8.count)")) }
        }
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            let head = "GET /0 HTTP/1.1\r\nHost: a\r\nX-Padding: \r\n\r\n".utf8.count
            #expect(await bench.ask(0, size: 2_000_000)?.body == "\(head + 2_000_000)")
            #expect(await bench.ask(1, size: 1)?.body == "\(head + 1)")
            #expect(target.connections == 1)
        }
    }

    @Test("A connection whose end came with the answer is not given to whoever waits")
    func answerAndEnd() async throws {
        let (mayAnswer, ended) = (Gate(), Gate())
        let target = try ScriptedTarget { peer in
            guard peer.request() != nil else { return }
            mayAnswer.wait()
            peer.send(reply("abc"))
            peer.close()
            ended.open()
        }
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            let (held, isHolding) = (Gate(), Gate())
            bench.send(2)
            await until { target.requests == 1 }
            // Until the target has done both, the loop looks at neither.
            bench.loop.execute {
                isHolding.open()
                held.wait()
            }
            isHolding.wait()
            mayAnswer.open()
            ended.wait()
            held.open()
            await bench.wait(for: 2)
            #expect(bench.answers.map(\.body) == ["abc", "abc"])
            #expect(target.connections == 2)
        }
    }
}
