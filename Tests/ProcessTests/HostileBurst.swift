import TestSupport
import Testing

/// Many connections at once that send what nobody should, and end in every way.
struct HostileBurst {
    private let server: RunningServer
    private var generator: SeededGenerator

    init(server: RunningServer, seed: UInt64) {
        self.server = server
        generator = SeededGenerator(seed: seed)
    }

    /// Opens them, sends, looks at some of the answers, and ends them all.
    mutating func run(connections count: Int) throws {
        let clients = try (0..<count).map { _ in try server.client() }
        for client in clients {
            for piece in pieces() { client.send(piece) }
        }
        for client in clients {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: client.reset()
            case 1:
                client.shutdownWriting()
                // Whatever it was, the answers are answers and the connection ends.
                while let reply = client.receive() {
                    #expect((200...505).contains(reply.status) && reply.status != 500)
                }
            default: client.close()
            }
        }
    }

    private mutating func pieces() -> [[UInt8]] {
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: [noise(upTo: 4000)]
        case 1: [Array(RawClient.get.utf8.prefix(Int.random(in: 1...30, using: &generator)))]
        case 2: [Array("GET /".utf8), [UInt8](repeating: 0x61, count: 40_000)]
        case 3: [[UInt8](repeating: 0x0D, count: 500)]
        case 4: (0..<40).map { _ in Array(RawClient.get.utf8) }
        case 5: [mutated(RawClient.login("no"))]
        case 6:
            [
                Array("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8),
                noise(upTo: 300),
            ]
        case 7: [mutated(RawClient.verify(String(repeating: "eyJ.", count: 200)))]
        default: [Array(RawClient.form("refresh", "refresh_token=").utf8), noise(upTo: 60)]
        }
    }

    private mutating func noise(upTo count: Int) -> [UInt8] {
        (0..<Int.random(in: 1...count, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// A few bytes changed.
    private mutating func mutated(_ text: String) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        return bytes
    }
}
