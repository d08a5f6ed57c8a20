import Foundation
import Glibc
import Reactor

/// A server that does to each connection what its test says, on a thread for each: a target that misbehaves cannot be
/// had from a real one.
final class ScriptedTarget: @unchecked Sendable {
    // @unchecked: the descriptors are what there is, and `peers` is locked.
    private let listener: Int32
    let port: UInt16
    private let peers = Lock<[Peer]>([])
    private let requestCount = Lock(0)
    private let script: @Sendable (Peer) -> Void

    /// Connections so far.
    var connections: Int { peers.withLock { $0.count } }
    /// Whole requests so far, of all connections.
    var requests: Int { requestCount.withLock { $0 } }

    init(_ script: @escaping @Sendable (Peer) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 256) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isListening else { throw SystemError("bind") }
        self.listener = listener
        self.port = UInt16(bigEndian: address.sin_port)
        self.script = script
        Thread.detachNewThread { self.acceptAll() }
    }

    /// Answers every request of every connection with these bytes.
    static func answering(_ text: String) throws -> ScriptedTarget {
        try ScriptedTarget { peer in while peer.request() != nil { peer.send(text) } }
    }

    /// Ends the listener and all connections.
    func end() {
        shutdown(listener, Int32(SHUT_RDWR))
        for peer in peers.withLock({ $0 }) { peer.hangUp() }
    }

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0 { break }
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
            let peer = Peer(descriptor, requestCount)
            peers.withLock { $0.append(peer) }
            Thread.detachNewThread {
                self.script(peer)
                peer.close()
            }
        }
        Glibc.close(listener)
    }

    /// One connection, read and written by its own thread.
    final class Peer: @unchecked Sendable {
        // @unchecked: `received` belongs to the script's thread; the descriptor is locked.
        private let descriptor: Lock<Int32?>
        private let number: Int32
        private let count: Lock<Int>
        private var received: [UInt8] = []

        fileprivate init(_ descriptor: Int32, _ count: Lock<Int>) {
            number = descriptor
            self.descriptor = Lock(descriptor)
            self.count = count
        }

        /// The next request up to its blank line, with whatever came before it; nil at the end.
        func request() -> String? {
            let end = Array("\r\n\r\n".utf8)
            var searched = 0
            while true {
                if let found = received[searched...].firstRange(of: end) {
                    let text = String(decoding: received[..<found.upperBound], as: UTF8.self)
                    received.removeFirst(found.upperBound)
                    count.withLock { $0 += 1 }
                    return text
                }
                searched = max(0, received.count - end.count)
                guard more() else { return nil }
            }
        }

        @discardableResult
        func send(_ text: String) -> Bool {
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                if sent <= 0 { return false }
                rest = rest.dropFirst(sent)
            }
            return true
        }

        /// Waits for the client's end and drops what it sends until then.
        func awaitEnd() { while more() { received = [] } }

        /// From any thread: the script's reads end.
        func hangUp() { descriptor.withLock { if let descriptor = $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } } }

        /// Ends with a reset instead of a FIN.
        func reset() {
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
            close()
        }

        func close() { descriptor.withLock { if let descriptor = $0.take() { Glibc.close(descriptor) } } }

        private func more() -> Bool {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(number, &buffer, buffer.count, 0)
            if count > 0 { received.append(contentsOf: buffer[..<count]) }
            return count > 0
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
