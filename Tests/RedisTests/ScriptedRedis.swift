import TestSupport

/// How Redis is spoken to, for servers that misbehave.
extension ScriptedServer {
    var url: String { "redis://127.0.0.1:\(port)" }
}

extension ScriptedServer.Peer {
    /// The next command's arguments; nil at the end.
    func command() -> [String]? {
        guard let count = line().flatMap({ Int($0.dropFirst()) }) else { return nil }
        var arguments: [String] = []
        for _ in 0..<count {
            guard let length = line().flatMap({ Int($0.dropFirst()) }), let bytes = take(length + 2) else {
                return nil
            }
            arguments.append(String(decoding: bytes.dropLast(2), as: UTF8.self))
        }
        return arguments
    }

    /// Answers PING; false if something else came.
    @discardableResult
    func greet() -> Bool { command() == ["PING"] && send("+PONG\r\n") }

    private func line() -> String? {
        while true {
            if let end = received.firstIndex(of: 0x0A) {
                let line = String(decoding: received[..<(end - 1)], as: UTF8.self)
                received.removeFirst(end + 1)
                return line
            }
            guard more() else { return nil }
        }
    }

    private func take(_ count: Int) -> [UInt8]? {
        while received.count < count { guard more() else { return nil } }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }
}
