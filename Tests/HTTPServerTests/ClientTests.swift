import HTTP
import HTTPServer
import Reactor
import TestSupport
import Testing

/// Whose requests a server takes them for, over real connections. All come from 127.0.0.1.
@Suite(.timeLimit(.minutes(1))) struct ClientTests {
    private let proxied = ProxyProtocolTests.header(0x11, ProxyProtocolTests.ipv4)

    private func policy(_ proxies: [String], _ mode: ProxyProtocol.Mode = .off) throws -> ClientPolicy {
        var policy = ClientPolicy()
        policy.proxies = try #require(TrustedProxies(proxies))
        policy.proxyProtocol = mode
        return policy
    }

    private func who(_ fields: String = "") -> [UInt8] {
        Array("GET /who HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
    }

    private func ask(_ client: RawClient, _ bytes: [UInt8]) -> String? {
        client.send(bytes) ? client.receive()?.text : nil
    }

    @Test func `a PROXY header of version 2 names the client of every request behind it`() async throws {
        try await TestServer.run(clients: policy(["127.0.0.1"], .v2)) { server in
            let client = try server.client()
            #expect(ask(client, proxied + who() + who()) == "192.0.2.1")
            #expect(client.receive()?.text == "192.0.2.1")
            #expect(ask(client, who()) == "192.0.2.1")
            // One that is repeated is a request that cannot be read.
            client.send(proxied)
            #expect(client.receive()?.status == 400)
            #expect(server.server.hosts[0].counters.refusals == 0)
        }
    }

    @Test func `a PROXY line of version 1 names the client`() async throws {
        try await TestServer.run(clients: policy(["127.0.0.0/8"], .v1)) { server in
            let line = Array("PROXY TCP6 2001:db8::1 ::1 1 2\r\n".utf8)
            let (named, unknown) = (try server.client(), try server.client())
            #expect(ask(named, line + who()) == "2001:db8::1")
            #expect(ask(unknown, Array("PROXY UNKNOWN\r\n".utf8) + who()) == "127.0.0.1")
        }
    }

    @Test func `a header that comes byte by byte is one that comes whole`() async throws {
        for (mode, header) in [
            (ProxyProtocol.Mode.v2, proxied), (.v1, Array("PROXY TCP4 192.0.2.1 1.1.1.1 1 2\r\n".utf8)),
        ] {
            try await TestServer.run(clients: policy(["127.0.0.1"], mode)) { server in
                let client = try server.client()
                for byte in header + who() { client.send([byte]) }
                #expect(client.receive()?.text == "192.0.2.1")
            }
        }
    }

    @Test func `the balancer's own checks are answered as its own`() async throws {
        try await TestServer.run(clients: policy(["127.0.0.1"], .v2)) { server in
            let client = try server.client()
            #expect(ask(client, ProxyProtocolTests.header(0x20, 0x00, []) + who()) == "127.0.0.1")
        }
    }

    @Test(arguments: [
        "GET /now HTTP/1.1\r\nHost: a\r\n\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /now HTTP/1.1\r\n", "X",
        "\r\n\r\n!",
    ])
    func `a connection that does not begin with the header is closed without an answer`(_ text: String) async throws {
        try await TestServer.run(clients: policy(["127.0.0.1"], .v2)) { server in
            let client = try server.client()
            client.send(text)
            #expect(client.isEnded())
            await until { server.server.openConnections == 0 }
            #expect(server.server.hosts[0].counters.refusals == 1)
            #expect(server.handler.answered.withLock { $0 }.isEmpty)
        }
    }

    @Test func `a connection without the whole header in time is closed`() async throws {
        var deadlines = Deadlines()
        deadlines.head = 50
        try await TestServer.run(deadlines: deadlines, clients: policy(["127.0.0.1"], .v2)) { server in
            let (silent, slow) = (try server.client(), try server.client())
            slow.send(Array(proxied.dropLast()))
            #expect(silent.isEnded())
            #expect(slow.isEnded())
            #expect(server.server.hosts[0].counters.refusals == 2)
        }
    }

    @Test func `the header of anybody but a trusted proxy is not read`() async throws {
        try await TestServer.run(clients: policy(["127.0.0.2", "::1"], .v2)) { server in
            let client = try server.client()
            client.send(proxied + who())
            #expect(client.isEnded())
            await until { server.server.openConnections == 0 }
            #expect(server.server.hosts[0].counters.refusals == 1)
        }
    }

    @Test func `where the header is forbidden its bytes are a request that cannot be read`() async throws {
        for proxies in [[], ["127.0.0.1"]] {
            try await TestServer.run(clients: policy(proxies)) { server in
                for bytes in [proxied, Array("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".utf8)] {
                    let client = try server.client()
                    client.send(bytes + who())
                    #expect(client.receive()?.status == 400)
                    #expect(client.isEnded())
                }
            }
        }
    }

    @Test func `fields of a trusted proxy name the client, request by request`() async throws {
        try await TestServer.run(clients: policy(["127.0.0.1"])) { server in
            let client = try server.client()
            #expect(ask(client, who("X-Forwarded-For: 192.0.2.1\r\n")) == "192.0.2.1")
            #expect(ask(client, who("X-Forwarded-For: 192.0.2.2\r\n")) == "192.0.2.2")
            #expect(ask(client, who()) == "127.0.0.1")
            #expect(ask(client, who("Forwarded: for=192.0.2.3\r\n")) == "127.0.0.1")
        }
    }

    @Test func `fields of anybody else change nothing`() async throws {
        let fields =
            "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Request-Id: mine\r\n"
        for proxies in [[], ["127.0.0.2", "192.0.2.1", "::/0"]] {
            try await TestServer.run(clients: policy(proxies)) { server in
                let client = try server.client()
                client.send(who(fields))
                let reply = client.receive()
                #expect(reply?.text == "127.0.0.1")
                #expect(reply?.field("x-request-id") != "mine")
            }
        }
        // Nor of a client that a PROXY header names, nor where it names none.
        try await TestServer.run(clients: policy(["127.0.0.1"], .v2)) { server in
            for (header, address) in [
                (proxied, "192.0.2.1"), (ProxyProtocolTests.header(0x00, []), "127.0.0.1"),
                (ProxyProtocolTests.header(0x20, 0x00, []), "127.0.0.1"),
            ] {
                let client = try server.client()
                client.send(header + who("X-Forwarded-For: 6.6.6.6\r\nX-Request-Id: mine\r\n"))
                let reply = client.receive()
                #expect(reply?.text == address)
                #expect(reply?.field("x-request-id") != "mine")
            }
        }
    }

    @Test func `a trusted proxy that a PROXY header names is asked further`() async throws {
        try await TestServer.run(clients: policy(["127.0.0.1", "192.0.2.1"], .v2)) { server in
            let client = try server.client()
            #expect(ask(client, proxied + who("X-Forwarded-For: 198.51.100.9\r\n")) == "198.51.100.9")
        }
    }

    @Test func `a trusted proxy's name for a request is taken when it is safe, and once`() async throws {
        try await TestServer.run(clients: policy(["127.0.0.1"])) { server in
            let client = try server.client()
            func name(_ fields: String) -> String? {
                client.send(who(fields))
                return client.receive()?.field("x-request-id")
            }
            #expect(name("X-Request-Id: a.B_9-\r\n") == "a.B_9-")
            let longest = String(repeating: "x", count: 64)
            #expect(name("X-Request-Id: \(longest)\r\n") == longest)
            for bad in ["", longest + "x", "a b", "a/b", "é", "a\"b"] {
                #expect(name("X-Request-Id: \(bad)\r\n")?.count == 32, "\(bad)")
            }
            #expect(name("X-Request-Id: a\r\nX-Request-Id: b\r\n")?.count == 32)
            // An answer that the connection gives by itself, too.
            client.send("POST /x HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nContent-Length: 999999\r\n\r\n")
            let reply = client.receive()
            #expect(reply?.status == 413)
            #expect(reply?.field("x-request-id") == "mine")
        }
    }

    @Test func `connections that wait for their header end soon once the server drains`() async throws {
        var deadlines = Deadlines()
        deadlines.drainingIdle = 30
        try await TestServer.run(deadlines: deadlines, clients: policy(["127.0.0.1"], .v2)) { server in
            let (silent, quick) = (try server.client(), try server.client())
            await until { server.server.openConnections == 2 }
            quick.send(proxied)
            server.server.drain()
            quick.send(who())
            #expect(quick.receive()?.field("connection") == "close")
            #expect(silent.isEnded())
        }
    }
}
