import Glibc
import Reactor
import TestSupport
import Testing

extension ProcessTests {
    /// The end of a server that balancers watch: it serves on until they have noticed.
    struct BalancerTests {
        private func probe(_ server: RunningServer) throws -> Int? {
            try RawClient(port: server.opsPort).status("/readyz")
        }

        @Test func `SIGTERM under load: nobody is refused, reset or told to leave before the balancer has noticed`()
            async throws
        {
            let server = try await Installation().start([
                "PORTCULLIS_DRAIN_DELAY_SECONDS": "3600", "PORTCULLIS_DRAIN_PROBES": "3",
            ])
            let tokens = try #require(Tokens(try server.client().login()))
            #expect(try probe(server) == 200)
            let (served, hasNoticed) = (Lock(0), Lock(false))
            async let load: Void = onThreads(5) { index in
                var client = try server.client()
                let request = index == 0 ? RawClient.login() : RawClient.verify(tokens.access)
                while !hasNoticed.withLock({ $0 }) {
                    // Some keep their connection, some come anew for each request.
                    if index > 2 { client = try server.client() }
                    let reply = client.request(request)
                    // A login may be throttled or find the queue full.
                    #expect(index == 0 ? [200, 429, 503].contains(reply?.status) : reply?.status == 200)
                    #expect(reply?.field("connection") == nil)
                    served.withLock { $0 += 1 }
                }
            }
            func isServed() async {
                let before = served.withLock { $0 }
                await until { served.withLock { $0 } > before + 100 }
            }
            await isServed()
            server.child.send(SIGTERM)
            await until { (try? probe(server)) == 503 }
            await isServed()
            #expect(try server.client().status("/readyz") == 503)
            await isServed()
            #expect(server.child.reap() == nil)
            hasNoticed.withLock { $0 = true }
            try await load
            #expect(try probe(server) == 503)
            #expect(await server.child.ended() == .exit(0), "\(server.child.errorOutput)")
        }

        @Test func `a balancer that asks too seldom is waited for as long as was said`() async throws {
            let server = try await Installation().start([
                "PORTCULLIS_DRAIN_DELAY_SECONDS": "2", "PORTCULLIS_DRAIN_PROBES": "1000",
            ])
            #expect(try server.client().status("/readyz") == 200)
            let client = try server.client()
            #expect(client.live() == 200)
            let start = MonotonicTime.now
            server.child.send(SIGTERM)
            await until { (try? probe(server)) == 503 }
            #expect(client.request(RawClient.get)?.field("connection") == nil)
            #expect(try server.client().live() == 200)
            #expect(await server.child.ended() == .exit(0))
            let milliseconds = MonotonicTime.now.nanoseconds(since: start) / 1_000_000
            #expect(milliseconds >= 2000)
        }

        @Test func `nobody is waited for when nobody ever asked`() async throws {
            let server = try await Installation().start(["PORTCULLIS_DRAIN_DELAY_SECONDS": "3600"])
            #expect(try server.client().live() == 200)
            await server.child.stop()
        }

        @Test func `a second signal ends at once, whoever is waited for`() async throws {
            let server = try await Installation().start([
                "PORTCULLIS_DRAIN_DELAY_SECONDS": "3600", "PORTCULLIS_DRAIN_SECONDS": "3600",
                "PORTCULLIS_DRAIN_PROBES": "1000",
            ])
            // A request that never comes to its end, which the drain would wait for.
            let slow = try server.client()
            slow.send("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
            #expect(try probe(server) == 200)
            server.child.send(SIGTERM)
            await until { (try? probe(server)) == 503 }
            server.child.send(SIGTERM)
            #expect(await server.child.ended() == .exit(0), "\(server.child.errorOutput)")
        }

        @Test func `a second signal ends a drain`() async throws {
            let server = try await Installation().start(["PORTCULLIS_DRAIN_SECONDS": "3600"])
            let slow = try server.client()
            slow.send("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
            await until { (try? server.metric("connections_open")) == 1 }
            server.child.send(SIGTERM)
            await until { (try? server.client()) == nil }
            #expect(server.child.reap() == nil)
            server.child.send(SIGTERM)
            #expect(await server.child.ended() == .exit(0), "\(server.child.errorOutput)")
        }
    }
}
