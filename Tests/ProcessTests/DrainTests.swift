import Glibc
import Reactor
import TestSupport
import Testing

extension ProcessTests {
    /// The end by SIGTERM or SIGINT, and requests that come in odd moments.
    struct DrainTests {
        @Test(arguments: [SIGTERM, SIGINT])
        func `a signal under load: every request is answered, the last with Connection: close, and the exit code is 0`(
            _ signal: Int32
        ) async throws {
            let installation = try Installation()
            let server = try await installation.start()
            let tokens = try #require(Tokens(try server.client().login()))
            let (served, unanswered, closed) = (Lock(0), Lock(0), Lock(0))
            async let load: Void = onThreads(6) { index in
                let client = try server.client()
                let request =
                    index == 0 ? RawClient.login() : index < 4 ? RawClient.verify(tokens.access) : RawClient.get
                while true {
                    guard let reply = client.request(request) else { return unanswered.withLock { $0 += 1 } }
                    served.withLock { $0 += 1 }
                    #expect([200, 429, 503].contains(reply.status))
                    if reply.field("connection") == "close" { break }
                }
                closed.withLock { $0 += 1 }
                #expect(client.isEnded())
            }
            await until { served.withLock { $0 } > 300 }
            server.child.send(signal)
            #expect(await server.child.ended() == .exit(0), "\(server.child.errorOutput)")
            try await load
            #expect(closed.withLock { $0 } == 6)
            #expect(unanswered.withLock { $0 } == 0)
            #expect(throws: (any Error).self) { try server.client() }
            // What the drained server left behind is whole.
            let next = try await installation.start()
            #expect(try next.client().verify(tokens.access) == 200)
        }

        @Test func `connections that wait in the kernel's queue when the signal comes are answered`() async throws {
            let server = try await Installation().start()
            #expect(try server.client().live() == 200)
            await until { (try? server.metric("connections_open")) == 0 }
            await server.child.freeze()
            let clients = try (0..<100).map { _ in try server.client() }
            for client in clients { client.send(RawClient.keys) }
            server.child.send(SIGTERM)
            server.child.thaw()
            // Those that are taken before the loops hear of the signal are kept for a moment, without Connection: close.
            for client in clients {
                #expect(client.receive()?.status == 200)
                client.close()
            }
            #expect(await server.child.ended() == .exit(0))
        }

        @Test func `logins that are being hashed when the signal comes are answered`() async throws {
            let installation = try Installation()
            let server = try await installation.start(["PORTCULLIS_HASH_WORKERS": "1"])
            let clients = try (0..<4).map { _ in try server.client() }
            for client in clients { #expect(client.request(RawClient.keys)?.status == 200) }
            await server.child.freeze()
            for client in clients { client.send(RawClient.login()) }
            server.child.send(SIGTERM)
            server.child.thaw()
            let tokens = try clients.map { try #require(Tokens($0.receive())) }
            for client in clients { client.close() }
            #expect(await server.child.ended() == .exit(0))
            let next = try await installation.start()
            let client = try next.client()
            for token in tokens { #expect(Tokens(client.refresh(token.refresh)) != nil) }
        }

        @Test func `slow and silent clients hold the end no longer than the deadline`() async throws {
            let server = try await Installation().start(["PORTCULLIS_DRAIN_SECONDS": "1"])
            let slow = try (0..<8).map { _ in try server.client() }
            for client in slow[..<4] { client.send("GET /livez HTTP/1.1\r\nHost: ") }
            for client in slow[4...] {
                client.send("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
            }
            await until { (try? server.metric("connections_open")) == 8 }
            let start = MonotonicTime.now
            await server.child.stop()
            let milliseconds = MonotonicTime.now.nanoseconds(since: start) / 1_000_000
            #expect(milliseconds >= 1000, "they get the time that they are promised")
            #expect(milliseconds < 25_000, "less than a body may take, with room for a busy machine")
            for client in slow { #expect(client.receiveToEnd() != nil) }
        }

        @Test func `without connections the end is at once, whatever the deadline`() async throws {
            let server = try await Installation().start(["PORTCULLIS_DRAIN_SECONDS": "3600"])
            await server.child.stop()
        }

        @Test func `a reader of the server's messages who leaves does not end it`() async throws {
            let installation = try Installation()
            let pipe = installation.root + "/piped.err"
            #expect(mkfifo(pipe, 0o600) == 0)
            // Waits for no writer, and lets a writer open without waiting.
            let reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            let server = try await installation.start(output: "piped")
            close(reader)
            #expect(try server.client().live() == 200)
            server.child.send(SIGTERM)
            #expect(await server.child.ended() == .exit(0))
        }

        @Test func `a request and its sender's end that come in one event are both seen`() async throws {
            let server = try await Installation().start()
            let requests: [(text: String, statuses: [Int])] = [
                (RawClient.keys, [200]), (RawClient.keys + RawClient.verify("x") + RawClient.keys, [200, 401, 200]),
                (RawClient.login(), [200]), (RawClient.login() + RawClient.keys, [200, 200]),
                (RawClient.keys + "GET /li", [200]), ("", []),
            ]
            for isNew in [true, false] {
                let early = try requests.map { _ in try server.client() }
                if !isNew { for client in early { #expect(client.request(RawClient.keys)?.status == 200) } }
                await server.child.freeze()
                for (client, request) in zip(early, requests) {
                    client.send(request.text)
                    client.shutdownWriting()
                }
                server.child.thaw()
                for (client, request) in zip(early, requests) {
                    for status in request.statuses { #expect(client.receive()?.status == status, "\(request.text)") }
                    #expect(client.isEnded())
                }
            }
            await until { (try? server.metric("connections_open")) == 0 }
        }
    }
}
