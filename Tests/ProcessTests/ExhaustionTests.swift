import Foundation
import Glibc
import Reactor
import TestSupport
import Testing

extension ProcessTests {
    /// More connections than descriptors.
    struct ExhaustionTests {
        @Test(arguments: [4, 5, 6, 7, 12, 20, 27])
        func `a start with too few descriptors says how many it needs, and makes nothing`(_ descriptors: Int)
            async throws
        {
            let installation = try Installation()
            let (code, message) = try await installation.startThatFails(descriptors: descriptors)
            #expect(code == 71)
            #expect(message == "portcullis: The process may open \(descriptors) files and needs 28: ulimit -n\n")
            #expect(!FileManager.default.fileExists(atPath: installation.data))
        }

        @Test func `without descriptors accepting pauses, what is open is served, and the rest when there is room`()
            async throws
        {
            let server = try await Installation().start(descriptors: 64)
            // Open from the start: a scraper comes too late now.
            let ops = try RawClient(port: server.opsPort)
            #expect(try ops.metric("accept_pauses_total") == 0)
            let clients = try (0..<150).map { _ in try server.client() }
            for client in clients { client.send(RawClient.get) }
            await until { (try? ops.metric("accept_pauses_total")) ?? 0 > 0 }
            let open = Int(try ops.metric("connections_open"))
            #expect((20..<64).contains(open))
            await until { clients.count(where: \.hasInput) == open }
            let (served, waiting) = (clients.filter(\.hasInput), clients.filter { !$0.hasInput })

            for client in served { #expect(client.receive()?.status == 200) }
            let tokens = try #require(Tokens(served[0].login()))
            for client in served { #expect(client.verify(tokens.access) == 200) }
            try await expectNoBusyLoop(server.child, ops)
            #expect(waiting.count { $0.hasInput } == 0)

            for client in served { client.close() }
            var left = waiting
            await until("those that waited are served as others leave") {
                for client in left where client.hasInput {
                    #expect(client.receive()?.status == 200)
                    client.close()
                }
                left.removeAll { !$0.isOpen }
                return left.isEmpty
            }
            await until { (try? ops.metric("connections_open")) == 0 }
            #expect(try server.client().verify(tokens.access) == 200)
            await server.child.stop()
        }

        @Test func `a flood up to the cap of connections leaves the ops port and the store their descriptors`()
            async throws
        {
            let server = try await Installation().start(descriptors: 256)
            let clients = try (0..<300).map { _ in try server.client() }
            for client in clients { client.send(RawClient.get) }
            // Each look is a connection of its own. Two loops share what is left of 256 without the 128 that are kept.
            await until { (try? server.metric("connections_open")) == 128 }
            await until { clients.count(where: \.hasInput) == 128 }
            await until { (try? server.metric("accept_pauses_total")) ?? 0 > 0 }
            #expect(try RawClient(port: server.opsPort).live() == 200)
            let served = clients.filter(\.hasInput)
            for client in served { #expect(client.receive()?.status == 200) }
            let tokens = try #require(Tokens(served[0].login()))
            #expect(served[1].logout(tokens.refresh) == 204)
            for client in clients { client.close() }
            await until { (try? server.metric("connections_open")) == 0 }
            await server.child.stop()
        }

        @Test func `a file that may not grow is 503 for changes alone, ends nothing, and passes`() async throws {
            let server = try await Installation().start()
            let (client, ops) = (try server.client(), try RawClient(port: server.opsPort))
            let tokens = try #require(Tokens(client.login()))
            for path in ["/readyz", "/readyz?for=login"] { #expect(ops.status(path) == 200) }

            try server.child.limitFileSize(to: 1)
            for _ in 0..<3 {
                let refused = client.request(RawClient.login())
                #expect(refused?.status == 503 && refused?.field("retry-after") != nil)
                #expect(client.request(RawClient.form("logout", "refresh_token=\(tokens.refresh)"))?.status == 503)
            }
            #expect(client.verify(tokens.access) == 200)
            #expect(ops.status("/readyz?for=login") == 503)
            #expect(ops.status("/readyz") == 200 && ops.live() == 200)
            #expect(server.child.reap() == nil)

            try server.child.limitFileSize(to: nil)
            let renewed = try #require(Tokens(client.login()))
            #expect(ops.status("/readyz?for=login") == 200)
            #expect(client.verify(renewed.access) == 200 && client.logout(tokens.refresh) == 204)
            #expect(client.verify(tokens.access) == 401)
            await server.child.stop()
        }

        /// Over thirty pauses, which a loop makes ten a second of.
        private func expectNoBusyLoop(_ child: Child, _ ops: RawClient) async throws {
            let pauses = try ops.metric("accept_pauses_total")
            let (start, used) = (MonotonicTime.now, child.processorMilliseconds(ofThreads: "loop"))
            await until { (try? ops.metric("accept_pauses_total")) ?? 0 >= pauses + 30 }
            let elapsed = Int(MonotonicTime.now.nanoseconds(since: start) / 1_000_000)
            #expect(elapsed >= 1000)
            #expect(child.processorMilliseconds(ofThreads: "loop") - used < elapsed / 5)
        }
    }
}
