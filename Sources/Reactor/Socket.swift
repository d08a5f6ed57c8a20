import CLinux
import Glibc

/// What a read or write on a non-blocking socket came to.
package enum Transfer: Sendable, Equatable {
    case bytes(Int)
    /// Nothing to read, or no room to write, until the next event.
    case wouldBlock
    /// The peer's end of input.
    case end
    case failed(Int32)
}

/// One owner of one non-blocking socket. It is closed by `close`, explicitly, on its loop.
package struct Socket: ~Copyable {
    package let descriptor: Int32

    package init(owning descriptor: Int32) { self.descriptor = descriptor }

    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed(errno)
            }
        }
    }

    /// Without SIGPIPE: a peer that left is `.failed`.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
        while true {
            let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .bytes(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed(errno)
            }
        }
    }

    /// Sends a FIN and keeps reading possible.
    package func shutdownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    package consuming func close() { Glibc.close(descriptor) }

    /// Connects without blocking; writable readiness tells the outcome.
    package static func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        let socket = try make(for: address)
        let result = address.withSockaddr { Glibc.connect(socket.descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let error = SystemError("connect")
            socket.close()
            throw error
        }
        socket.setOption(Int32(IPPROTO_TCP), TCP_NODELAY)
        return socket
    }

    /// How a connection that was begun came out: 0, or the `errno` of its failure.
    package func connectionError() -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }

    private static func make(for address: SocketAddress) throws(SystemError) -> Socket {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.isIPv4 ? AF_INET : AF_INET6, type, 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        return Socket(owning: descriptor)
    }

    @discardableResult
    private func setOption(_ level: Int32, _ option: Int32, _ value: Int32 = 1) -> Bool {
        var value = value
        return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    // MARK: Listening

    /// Connections the kernel may hold for us before they are accepted.
    package static let backlog: Int32 = 4096
    /// What the kernel may hold for a peer that does not read (it doubles the value for its own needs). Left to itself it
    /// grows to megabytes a connection; the answers of this server are under a kilobyte, for the most part.
    private static let sendBufferBytes: Int32 = 64 * 1024

    /// Whose the port of a listening socket is.
    package enum PortUse: Sendable {
        case alone
        /// Ours, and of those who join later. Taken alone at first: a socket bound with SO_REUSEPORT would join whatever
        /// server of the same user is there already, and take half of its connections.
        case first
        case joining
    }

    /// A listening socket. By sharing a port (SO_REUSEPORT) several loops listen on one address, each with a queue of
    /// its own that the kernel fills evenly.
    package static func listen(on address: SocketAddress, _ use: PortUse) throws(SystemError) -> Socket {
        let socket = try make(for: address)
        socket.setOption(SOL_SOCKET, SO_REUSEADDR)
        // Inherited by every connection that is accepted.
        socket.setOption(SOL_SOCKET, SO_SNDBUF, sendBufferBytes)
        if use == .joining { socket.setOption(SOL_SOCKET, SO_REUSEPORT) }
        var failure: SystemError?
        if address.withSockaddr({ bind(socket.descriptor, $0, $1) }) != 0 {
            failure = SystemError("bind")
        } else if use == .first, !socket.setOption(SOL_SOCKET, SO_REUSEPORT) {
            failure = SystemError("setsockopt(SO_REUSEPORT)")
        } else if Glibc.listen(socket.descriptor, backlog) != 0 {
            failure = SystemError("listen")
        }
        if let failure {
            socket.close()
            throw failure
        }
        return socket
    }

    /// The address a socket is bound to; tells the port the kernel chose.
    package func localAddress() -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return result == 0 ? SocketAddress(&storage) : nil
    }

    package enum Accepted: ~Copyable {
        case connection(Socket, SocketAddress)
        /// The queue is empty.
        case none
        /// This one came to nothing (the peer left while queued); try the next.
        case retry
        /// No descriptor or memory for it (EMFILE, ENFILE, ENOBUFS, ENOMEM): pause, then try again.
        case exhausted(Int32)
        case failed(Int32)
    }

    package func accept() -> Accepted {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let accepted = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                portcullis_accept4(descriptor, $0, &length, flags)
            }
        }
        guard accepted >= 0 else {
            switch errno {
            case EAGAIN: return .none
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(errno)
            case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH, ENETUNREACH: return .retry
            default: return .failed(errno)
            }
        }
        let connection = Socket(owning: accepted)
        if Int32(storage.ss_family) == AF_UNIX { return connection.admitted() }
        guard let peer = SocketAddress(&storage) else {
            connection.close()
            return .retry
        }
        connection.setOption(Int32(IPPROTO_TCP), TCP_NODELAY)
        return .connection(connection, peer)
    }
}
