import AuthServer
import TestSupport
import Testing

/// Promise 5: nobody is logged out by accident.
@Suite(.timeLimit(.minutes(5))) struct RefreshLossTests {
    /// SplitMix64: the same losses in every run.
    private struct Losses {
        var state: UInt64

        mutating func next(below bound: UInt64) -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return (value ^ (value >> 31)) % bound
        }
    }

    private func request(_ token: String) -> String {
        let body = #"{"refresh_token":"\#(token)"}"#
        return "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `1,000 concurrent refreshes with replies lost at random sign nobody out`(_ seed: UInt64) async throws {
        try await APIServer.run { server in
            var losses = Losses(state: seed)
            let first = try server.client().loginAsAdmin()
            var known = [first.refresh]
            var (answered, lost) = (0, 0)
            var clients = try (0..<50).map { _ in try server.client() }
            for _ in 0..<20 {
                // Everyone sends a token that may be the newest it has heard of, or the one before.
                for client in clients {
                    let age = Int(losses.next(below: 2))
                    client.send(request(known[max(0, known.count - 1 - age)]))
                }
                for index in clients.indices {
                    switch losses.next(below: 4) {
                    case 0: clients[index].reset()
                    case 1: clients[index].close()
                    default:
                        let reply = try #require(clients[index].receive())
                        #expect(reply.status == 200)
                        let token = try reply.tokens().refresh
                        if known.last != token { known.append(token) }
                        answered += 1
                        continue
                    }
                    lost += 1
                    clients[index] = try server.client()
                }
            }
            #expect(answered + lost == 1000 && lost > 300)
            #expect(known.count == 2, "one rotation in one grace")
            let client = try server.client()
            let last = try client.refresh(known[1]).tokens()
            #expect(last.refresh == known[1])
            #expect(try client.verify(last.access) == 200)
            #expect(try client.verify(first.access) == 200)
        }
    }

    @Test func `a client that repeats until it hears an answer keeps its session through many rotations`() async throws
    {
        try await APIServer.run {
            $0.refreshGraceSeconds = 1
        } _: { server in
            var losses = Losses(state: 4)
            var token = try server.client().loginAsAdmin().refresh
            var rotations = 0
            await until {
                do {
                    let client = try server.client()
                    client.send(request(token))
                    // The server may have rotated or not: nobody knows when the reply is lost.
                    if losses.next(below: 3) > 0 { client.reset() }
                    let next = try server.client().refresh(token).tokens().refresh
                    if next != token { rotations += 1 }
                    token = next
                    return rotations == 2
                } catch {
                    Issue.record(error)
                    return true
                }
            }
            #expect(rotations == 2)
        }
    }
}
