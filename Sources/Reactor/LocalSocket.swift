import CLinux
import Glibc

/// Unix sockets, named in a folder that is given as an open descriptor: the folder's path may be longer than the kernel
/// takes in a socket's address (107 bytes), and cannot become another folder meanwhile.
extension Socket {
    /// Connections the kernel may hold until they are accepted: commands of one machine's operators.
    private static let localBacklog: Int32 = 64

    /// A listening Unix socket that only this process's user (and root) can reach. A socket of that name, which a process
    /// that was killed left there, is replaced: whoever calls makes sure that no other process uses it.
    package static func listen(as name: String, in folder: Int32) throws(SystemError) -> Socket {
        let socket = try makeLocal(Int32(SOCK_NONBLOCK.rawValue))
        do throws(SystemError) {
            guard unlinkat(folder, name, 0) == 0 || errno == ENOENT else { throw SystemError("unlinkat") }
            guard try withLocalAddress(name, folder, { bind(socket.descriptor, $0, $1) }) == 0 else {
                throw SystemError("bind")
            }
            // Before it listens: until then nobody can connect.
            guard fchmodat(folder, name, 0o600, 0) == 0 else { throw SystemError("fchmodat") }
            guard Glibc.listen(socket.descriptor, localBacklog) == 0 else { throw SystemError("listen") }
        } catch {
            socket.close()
            throw error
        }
        return socket
    }

    /// A connection to such a socket that blocks: each read and write at most `timeoutSeconds`, then it comes to
    /// `.wouldBlock`. For a process that has nothing else to do, never on a loop.
    package static func connect(
        to name: String, in folder: Int32, timeoutSeconds: Int
    ) throws(SystemError) -> Socket {
        let socket = try makeLocal(0)
        do throws(SystemError) {
            var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                setsockopt(socket.descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
            }
            guard try withLocalAddress(name, folder, { Glibc.connect(socket.descriptor, $0, $1) }) == 0 else {
                throw SystemError("connect")
            }
        } catch {
            socket.close()
            throw error
        }
        return socket
    }

    /// Connects to the Unix socket at `path` without blocking. Its listener's full queue is EAGAIN: there is no event to
    /// wait for.
    package static func connect(toPath path: String) throws(SystemError) -> Socket {
        let socket = try makeLocal(Int32(SOCK_NONBLOCK.rawValue))
        do throws(SystemError) {
            guard try withLocalAddress(path, { Glibc.connect(socket.descriptor, $0, $1) }) == 0 else {
                throw SystemError("connect")
            }
        } catch {
            socket.close()
            throw error
        }
        return socket
    }

    /// The user at the other end of a Unix socket.
    package func peerUser() throws(SystemError) -> UInt32 {
        var user = UInt32.max
        let code = portcullis_peer_user(descriptor, &user)
        guard code == 0 else { throw SystemError("getsockopt(SO_PEERCRED)", code: code) }
        return user
    }

    /// A connection that was accepted on a Unix socket, unless somebody else than root and the process's own user is at
    /// its other end: the socket's mode keeps them out already, unless somebody changed it.
    consuming func admitted() -> Accepted {
        do throws(SystemError) {
            let user = try peerUser()
            if user == 0 || user == geteuid() { return .connection(self, .none) }
        } catch {}
        close()
        return .retry
    }

    private static func makeLocal(_ flags: Int32) throws(SystemError) -> Socket {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags, 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        return Socket(owning: descriptor)
    }

    /// Calls `body` with the address of `name` in `folder` as the kernel wants it.
    private static func withLocalAddress(
        _ name: String, _ folder: Int32, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SystemError) -> Int32 {
        try withLocalAddress("/proc/self/fd/\(folder)/\(name)", body)
    }

    private static func withLocalAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SystemError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(path.utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError("bind", code: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
