import Reactor
import TestSupport
import Testing

@testable import LoadTests

@Suite("Connections of the client", .timeLimit(.minutes(1)))
struct ClientPoolTests {
    @Test("One connection carries many requests, in their order")
    func reuse() async throws {
        let target = try ScriptedTarget { peer in
            while let request = peer.request() { peer.send(reply(String(request.prefix { $0 != "H" }))) }
        }
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            bench.send(200)
            await bench.wait(for: 200)
            #expect(bench.answers.map(\.body) == (0..<200).map { "GET /\($0) " })
            #expect(target.connections == 1)
        }
    }

    @Test("No more connections are open than may be kept, and the rest waits")
    func bound() async throws {
        let gate = Gate()
        let target = try ScriptedTarget { peer in
            while peer.request() != nil {
                gate.wait()
                peer.send(reply())
            }
        }
        defer { target.end() }
        try await ClientBench.run(target.port, kept: 3) { bench in
            bench.send(50)
            await until { target.requests == 3 }
            #expect(bench.answers.isEmpty)
            gate.open()
            await bench.wait(for: 50)
            #expect(bench.ends.allSatisfy { $0 == .answered })
            #expect(target.connections == 3)
        }
    }

    @Test("The crowd waits for nobody's connection but its own")
    func lanes() async throws {
        let gate = Gate()
        let target = try ScriptedTarget { peer in
            while let request = peer.request() {
                if request.hasPrefix("GET /0 ") { gate.wait() }
                peer.send(reply())
            }
        }
        defer { target.end() }
        try await ClientBench.run(target.port, kept: 1, crowd: 1) { bench in
            bench.send(2, lane: .crowd)
            await until { target.requests == 1 }
            bench.send(1, lane: .gateway, from: 2)
            await bench.wait(for: 1)
            #expect(bench.answers.map(\.number) == [2])
            gate.open()
            await bench.wait(for: 3)
        }
    }

    @Test("The PROXY header of a connection for one comes first, and it ends behind its answer")
    func singles() async throws {
        let target = try ScriptedTarget { peer in
            while let request = peer.request() { peer.send(reply(String(request.prefix { $0 != "\r\n" }))) }
        }
        defer { target.end() }
        try await ClientBench.run(target.port, crowd: 2) { bench in
            for number in 0..<20 {
                let preface = "PROXY TCP4 10.0.0.\(number) 127.0.0.1 1 2\r\n"
                bench.send(lane: .own(Array(preface.utf8)), from: number)
            }
            await bench.wait(for: 20)
            #expect(Set(bench.answers.map(\.body)) == Set((0..<20).map { "PROXY TCP4 10.0.0.\($0) 127.0.0.1 1 2" }))
            #expect(target.connections == 20)
        }
    }

    @Test("The header of a gateway comes once for each of its connections")
    func gatewayPreface() async throws {
        let target = try ScriptedTarget { peer in
            while let request = peer.request() {
                peer.send(reply(request.hasPrefix("PROXY X\r\nGET") ? "first" : "more"))
            }
        }
        defer { target.end() }
        try await ClientBench.run(target.port, preface: "PROXY X\r\n") { bench in
            bench.send(3)
            await bench.wait(for: 3)
            #expect(bench.answers.map(\.body) == ["first", "more", "more"])
        }
    }

    @Test("A connection that the target ends while it is idle is not used again")
    func idleEnd() async throws {
        let gate = Gate()
        let target = try ScriptedTarget { peer in
            if let request = peer.request() { peer.send(reply()); if request.hasPrefix("GET /0 ") { gate.wait() } }
        }
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            #expect(await bench.ask(0)?.end == .answered)
            let open = bench.loop.runAndWait { bench.loop.registrationCount }
            gate.open()
            await until { bench.loop.runAndWait { bench.loop.registrationCount } == open - 1 }
            #expect(await bench.ask(1)?.end == .answered)
            #expect(target.connections == 2)
        }
    }

    @Test("A target that speaks unasked loses its connection and harms no request")
    func unasked() async throws {
        let gate = Gate()
        let target = try ScriptedTarget { peer in
            if let request = peer.request() {
                peer.send(reply())
                if request.hasPrefix("GET /0 ") {
                    gate.wait()
                    peer.send("HTTP/1.1 408 Too slow\r\nContent-Length: 0\r\n\r\n")
                }
            }
            peer.awaitEnd()
        }
        defer { target.end() }
        try await ClientBench.run(target.port) { bench in
            #expect(await bench.ask(0)?.status == 200)
            let open = bench.loop.runAndWait { bench.loop.registrationCount }
            gate.open()
            await until { bench.loop.runAndWait { bench.loop.registrationCount } == open - 1 }
            #expect(await bench.ask(1)?.status == 200)
            #expect(target.connections == 2)
        }
    }

    @Test("Closing cuts off what is under way and what waits, each once, and what is sent later too")
    func close() async throws {
        let target = try ScriptedTarget { $0.awaitEnd() }
        defer { target.end() }
        try await ClientBench.run(target.port, kept: 2, crowd: 2) { bench in
            let before = bench.loop.runAndWait { bench.loop.registrationCount }
            bench.send(20)
            bench.send(20, lane: .crowd, from: 20)
            bench.send(20, lane: .own([]), from: 40)
            await until { target.connections == 6 }
            bench.close()
            #expect(bench.ends == Array(repeating: .cutOff, count: 60))
            bench.send(5, from: 60)
            #expect(bench.ends.count == 65)
            bench.close()
            #expect(bench.ends == Array(repeating: .cutOff, count: 65))
            // The timer of the pace has gone too.
            #expect(bench.loop.runAndWait { bench.loop.registrationCount } == before - 1)
        }
    }
}
