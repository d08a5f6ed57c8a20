package import Reactor

/// A target with the addresses that its name stood for when the run began. All connections of the run go to these: a
/// name that comes to stand for others meanwhile changes nothing.
package struct ResolvedTarget: Sendable {
    package let url: TargetURL
    /// At least one, in the order the system prefers.
    package let addresses: [SocketAddress]

    /// Nil for no addresses.
    package init?(_ url: TargetURL, addresses: [SocketAddress]) {
        guard !addresses.isEmpty else { return nil }
        self.url = url
        self.addresses = addresses
    }

    /// Looks the name up, once.
    package init(_ url: TargetURL, with resolver: Resolver) async throws(TargetError) {
        let addresses: [SocketAddress]
        do throws(SystemError) {
            addresses = try await resolver.addresses(of: url.host, port: url.port)
        } catch {
            throw TargetError("The target \(url) cannot be found: \(error).")
        }
        guard let target = ResolvedTarget(url, addresses: addresses) else {
            throw TargetError("The target \(url) has no address.")
        }
        self = target
    }

    /// Whether every address is this machine's own. One that is not is enough to make it another's.
    package var isLoopback: Bool { addresses.allSatisfy(\.isLoopback) }
}
