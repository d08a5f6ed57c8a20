import Foundation
import Glibc
package import Reactor

/// A server that does to each connection what its test says, on a thread for each: one that misbehaves cannot be had from
/// a real one. Suites add how their protocol's messages are read.
package final class ScriptedServer: @unchecked Sendable {
    // @unchecked: the descriptors are what there is, and `peers` is locked.
    private let listener: Int32
    package let port: UInt16
    private let peers = Lock<[Peer]>([])
    private let messages = Lock(0)
    private let script: @Sendable (Peer) -> Void

    /// Connections so far.
    package var connectionCount: Int { peers.withLock { $0.count } }
    /// Whole messages so far, of all connections, as its peers have counted them.
    package var messageCount: Int { messages.withLock { $0 } }

    /// - Parameter port: 0 lets the kernel choose.
    package init(port: UInt16 = 0, _ script: @escaping @Sendable (Peer) -> Void) throws(SystemError) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
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

    /// Ends the listener and all connections.
    package func end() {
        shutdown(listener, Int32(SHUT_RDWR))
        for peer in peers.withLock({ $0 }) { peer.hangUp() }
    }

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0 { break }
            // Bytes that are sent one by one arrive one by one.
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
            let peer = Peer(descriptor, messages)
            peers.withLock { $0.append(peer) }
            Thread.detachNewThread {
                self.script(peer)
                peer.close()
            }
        }
        Glibc.close(listener)
    }

    /// One connection, read and written by its own thread.
    package final class Peer: @unchecked Sendable {
        // @unchecked: `received` belongs to the script's thread; the descriptor is locked.
        private let descriptor: Lock<Int32?>
        private let number: Int32
        private let messages: Lock<Int>
        /// What came and was not taken yet.
        package var received: [UInt8] = []

        fileprivate init(_ descriptor: Int32, _ messages: Lock<Int>) {
            number = descriptor
            self.descriptor = Lock(descriptor)
            self.messages = messages
        }

        /// Waits for more; false at the end.
        package func more() -> Bool {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(number, &buffer, buffer.count, 0)
            if count > 0 { received.append(contentsOf: buffer[..<count]) }
            return count > 0
        }

        /// A whole message was taken.
        package func countMessage() { messages.withLock { $0 += 1 } }

        @discardableResult
        package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        @discardableResult
        package func send(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                if sent <= 0 { return false }
                rest = rest.dropFirst(sent)
            }
            return true
        }

        /// Waits for the client's end and drops what it sends until then.
        package func awaitEnd() { while more() { received = [] } }

        /// From any thread: the script's reads end.
        package func hangUp() {
            descriptor.withLock { if let descriptor = $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
        }

        /// Ends with a reset instead of a FIN.
        package func reset() {
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
            close()
        }

        package func close() { descriptor.withLock { if let descriptor = $0.take() { Glibc.close(descriptor) } } }
    }
}
