package import OpenSSL
package import Reactor

/// Where requests go: one address, so that a name that changes its meaning in the middle of a run changes nothing.
package struct Endpoint: Sendable {
    package let address: SocketAddress
    /// For the Host field: `127.0.0.1:8080`.
    package let host: String
    /// What connections that are kept begin with: the PROXY header of a gateway, or nothing.
    package let preface: [UInt8]
    /// Nil without TLS.
    package let tls: TLSEndpoint?

    package init(_ address: SocketAddress, host: String, preface: [UInt8] = [], tls: TLSEndpoint? = nil) {
        self.address = address
        self.host = host
        self.preface = preface
        self.tls = tls
    }
}

/// TLS to one name, with the certificates that are trusted for it.
package struct TLSEndpoint: Sendable {
    /// The name, or address, that the peer's certificate must be made out for.
    package let name: String
    package let context: TLSClientContext

    package init(name: String, context: TLSClientContext) {
        self.name = name
        self.context = context
    }
}
