import Foundation
import Glibc
import Reactor

/// A server that does to each connection what its test says, on a thread per connection: a Redis that misbehaves cannot be
/// had from a real one.
final class ScriptedServer: @unchecked Sendable {
    // @unchecked: the descriptors are what there is, and `peers` is locked.
    private let listener: Int32
    let port: UInt16
    private let peers = Lock<[Peer]>([])
    private let script: @Sendable (Peer) -> Void

    var url: String { "redis://127.0.0.1:\(port)" }
    var connectionCount: Int { peers.withLock { $0.count } }

    /// - Parameter port: 0 lets the kernel choose.
    init(port: UInt16 = 0, _ script: @escaping @Sendable (Peer) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard result else { throw SystemError("bind") }
        self.listener = listener
        self.port = UInt16(bigEndian: address.sin_port)
        self.script = script
        Thread.detachNewThread { self.acceptAll() }
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
            let peer = Peer(descriptor)
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
        private var received: [UInt8] = []

        init(_ descriptor: Int32) {
            number = descriptor
            self.descriptor = Lock(descriptor)
        }

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

        @discardableResult
        func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        @discardableResult
        func send(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
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

        func reset() {
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
            close()
        }

        func close() { descriptor.withLock { if let descriptor = $0.take() { Glibc.close(descriptor) } } }

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

        private func more() -> Bool {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(number, &buffer, buffer.count, 0)
            if count > 0 { received.append(contentsOf: buffer[..<count]) }
            return count > 0
        }
    }
}
