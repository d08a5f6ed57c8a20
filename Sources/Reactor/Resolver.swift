import CLinux
import Glibc

/// Turns host names into addresses on threads of its own: getaddrinfo blocks, for as long as a name server likes.
///
/// The queue is bounded and nothing is kept: who asks again is answered anew, so that a failover by DNS is seen. A
/// literal address is answered at once.
package final class Resolver: Sendable {
    /// Names that may wait. Clients ask once per attempt to connect, at most a few times a second each.
    private static let capacity = 64
    /// Two, so that one name whose server is silent does not hold up all others.
    private static let threadNiceValues: [Int32] = [0, 0]

    private let pool: WorkerPool

    package init() throws(SystemError) {
        pool = try WorkerPool(name: "resolver", niceValues: Resolver.threadNiceValues, capacity: Resolver.capacity)
    }

    /// At least one address of `host`, in the order the system prefers. Throws what getaddrinfo said; EAGAIN when too many
    /// wait, ECANCELED when the task was cancelled or the resolver stopped meanwhile.
    package func addresses(of host: String, port: UInt16) async throws(SystemError) -> [SocketAddress] {
        if let literal = SocketAddress("\(host):\(port)") ?? SocketAddress("[\(host)]:\(port)") { return [literal] }
        let result: Result<[SocketAddress], SystemError>
        do throws(WorkerPoolError) {
            result = try await pool.run { Resolver.look(up: host, port: port) }
        } catch {
            throw SystemError("getaddrinfo", code: error == .overloaded ? EAGAIN : ECANCELED)
        }
        return try result.get()
    }

    /// Waits for a look-up under way; those that wait are refused.
    package func stopAndJoin() { pool.stopAndJoin() }

    private static func look(up host: String, port: UInt16) -> Result<[SocketAddress], SystemError> {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { return .failure(SystemError("getaddrinfo", code: code == EAI_SYSTEM ? errno : code)) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            guard let address = entry.ai_addr, Int(entry.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size else {
                continue
            }
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) { storage in
                storage.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(entry.ai_addrlen)))
            }
            if let address = SocketAddress(&storage) { addresses.append(address) }
        }
        if addresses.isEmpty { return .failure(SystemError("getaddrinfo", code: EAI_NONAME)) }
        return .success(addresses)
    }
}
