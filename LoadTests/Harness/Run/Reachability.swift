import Glibc
import Reactor

/// Which of a name's addresses a run goes to: the first at which somebody listens. Blocks.
enum Reachability {
    /// For each address, in milliseconds.
    private static let patience: Int32 = 2_000

    /// The first of all when none answers: the run then says why.
    static func first(of addresses: [SocketAddress]) -> SocketAddress {
        addresses.count == 1 ? addresses[0] : addresses.first(where: listens) ?? addresses[0]
    }

    private static func listens(_ address: SocketAddress) -> Bool {
        do throws(SystemError) {
            let socket = try Socket.connect(to: address)
            var wanted = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
            let isThere = poll(&wanted, 1, patience) == 1 && socket.connectionError() == 0
            socket.close()
            return isThere
        } catch {
            return false
        }
    }
}
