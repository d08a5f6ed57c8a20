import Glibc
import Reactor

/// A plain blocking client that sends exactly the bytes it is given: what a server does with malformed, slow and cut-off
/// input cannot be seen through a well-behaved one. Every read has a deadline.
package final class RawClient: @unchecked Sendable {
    // @unchecked: one test owns it; the descriptor is all its state besides the received bytes.
    private let descriptor: Int32
    private var received: [UInt8] = []
    package private(set) var isOpen = true

    package struct Reply: Sendable, Equatable {
        package let status: Int
        /// Names in lower case, in order.
        package let fields: [(name: String, value: String)]
        package let body: [UInt8]

        package var text: String { String(decoding: body, as: UTF8.self) }

        package func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

        package static func == (left: Reply, right: Reply) -> Bool {
            left.status == right.status && left.body == right.body
                && left.fields.map(\.name) == right.fields.map(\.name)
                && left.fields.map(\.value) == right.fields.map(\.value)
        }
    }

    package init(port: UInt16, timeoutSeconds: Int = 20) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 {
            let error = SystemError("connect")
            // Not the descriptor alone: `deinit` follows, and by then its number may be somebody else's.
            close()
            throw error
        }
    }

    deinit { close() }

    package func close() {
        if isOpen { Glibc.close(descriptor) }
        isOpen = false
    }

    /// Closes with a reset instead of a FIN.
    package func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }

    package func shutdownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// False when the peer no longer takes it.
    @discardableResult
    package func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Whether bytes or the peer's end wait to be read.
    package var hasInput: Bool {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&event, 1, 0) == 1
    }

    /// Nil at the peer's end, or when it was silent for too long.
    package func receive(headOnly: Bool = false) -> Reply? {
        while true {
            if let reply = takeReply(headOnly: headOnly) { return reply }
            guard receiveMore() else { return nil }
        }
    }

    /// Everything until the peer's end; nil if it stays open.
    package func receiveToEnd() -> [UInt8]? {
        while true {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 { return errno == ECONNRESET ? received : nil }
            if count == 0 { return received }
            received.append(contentsOf: buffer[..<count])
        }
    }

    /// Whether the peer ends the connection without another byte.
    package func isEnded() -> Bool { receiveToEnd().map(\.isEmpty) ?? false }

    /// Whether the peer ends the connection without another byte and in order, not with a reset.
    package func isEndedByFIN() -> Bool {
        var byte: UInt8 = 0
        return received.isEmpty && recv(descriptor, &byte, 1, 0) == 0
    }

    package func request(_ text: String, headOnly: Bool = false) -> Reply? {
        send(text) ? receive(headOnly: headOnly) : nil
    }

    private func receiveMore() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { received.append(contentsOf: buffer[..<count]) }
        return count > 0
    }

    private func takeReply(headOnly: Bool) -> Reply? {
        guard let end = headEnd() else { return nil }
        var lines = String(decoding: received[..<end], as: UTF8.self).split(separator: "\r\n").map(String.init)
        guard !lines.isEmpty, let status = Int(lines.removeFirst().split(separator: " ").dropFirst().first ?? "") else {
            return nil
        }
        let fields = lines.map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            let value = line[colon...].dropFirst().drop { $0 == " " }
            return (name: line[..<colon].lowercased(), value: String(value))
        }
        let length = fields.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        let bodyLength = headOnly || status == 204 || status == 100 ? 0 : length
        guard received.count >= end + 4 + bodyLength else { return nil }
        let body = Array(received[(end + 4)..<(end + 4 + bodyLength)])
        received.removeFirst(end + 4 + bodyLength)
        return Reply(status: status, fields: fields, body: body)
    }

    /// Where the blank line's CRLFCRLF begins.
    private func headEnd() -> Int? {
        guard received.count >= 4 else { return nil }
        for index in 0...(received.count - 4) where received[index] == 13 {
            if received[index + 1] == 10, received[index + 2] == 13, received[index + 3] == 10 { return index }
        }
        return nil
    }
}
