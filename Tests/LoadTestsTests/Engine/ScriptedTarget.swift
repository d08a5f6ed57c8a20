import Foundation
import Reactor
import TestSupport

/// A target that misbehaves.
typealias ScriptedTarget = ScriptedServer

extension ScriptedServer {
    var connections: Int { connectionCount }
    var requests: Int { messageCount }

    /// Answers every request of every connection with these bytes.
    static func answering(_ text: String) throws -> ScriptedServer {
        try ScriptedServer { peer in while peer.request() != nil { peer.send(text) } }
    }
}

extension ScriptedServer.Peer {
    /// The next request up to its blank line, with whatever came before it; nil at the end.
    func request() -> String? {
        let end = Array("\r\n\r\n".utf8)
        var searched = 0
        while true {
            if let found = received[searched...].firstRange(of: end) {
                let text = String(decoding: received[..<found.upperBound], as: UTF8.self)
                received.removeFirst(found.upperBound)
                countMessage()
                return text
            }
            searched = max(0, received.count - end.count)
            guard more() else { return nil }
        }
    }
}

/// What the other side of a script waits for.
final class Gate: Sendable {
    private let isOpen = Lock(false)

    func open() {
        isOpen.withLock { $0 = true }
        isOpen.signal(all: true)
    }

    func wait() { isOpen.wait { $0 ? () : nil } }
}
