import OpenSSL
package import Reactor

/// Where requests go: one address, so that a name that changes its meaning in the middle of a run changes nothing.
package struct Endpoint: Sendable {
    package let address: SocketAddress
    /// For the Host field: `127.0.0.1:8080`.
    package let host: String
    /// Nil without TLS.
    let tls: TLSEndpoint?

    package init(_ address: SocketAddress, host: String) {
        self.address = address
        self.host = host
        tls = nil
    }

    init(_ address: SocketAddress, host: String, tls: TLSEndpoint) {
        self.address = address
        self.host = host
        self.tls = tls
    }
}

/// TLS to one name, with the certificates that are trusted for it.
struct TLSEndpoint: Sendable {
    /// The name, or address, that the peer's certificate must be made out for.
    let name: String
    let context: TLSClientContext
}
