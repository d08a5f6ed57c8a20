package import Reactor

/// The PROXY protocol (HAProxy's `proxy-protocol.txt`): what a balancer sends before the first byte of its client's, to say
/// who that is. Whether it comes, and in which version, is configured for a listener and never guessed: somebody who could
/// choose would be whoever he wants.
///
/// Pure: bytes in, a value out; that there are too few is one of the values.
package enum ProxyProtocol {
    /// What a listener awaits.
    package enum Mode: String, Sendable, CaseIterable {
        /// The header is forbidden: its bytes are a request that cannot be read.
        case off
        case v1
        case v2
    }

    /// Whose connection it is.
    package enum Source: Sendable, Equatable {
        /// A client's, at this address.
        case client(SocketAddress)
        /// The balancer's own (a health check), or one whose client has no address that we know. The connection's
        /// address is all there is.
        case connection
    }

    package enum Outcome: Sendable, Equatable {
        /// More must come; what is there may be the beginning of a header.
        case incomplete
        /// A whole header of `length` bytes; the first request begins behind it.
        case header(Source, length: Int)
        /// It is none and will not become one: the connection must end.
        case malformed(StaticString)

        package static func == (left: Outcome, right: Outcome) -> Bool {
            switch (left, right) {
            case (.incomplete, .incomplete): true
            case (.header(let source, let length), .header(let other, let otherLength)):
                source == other && length == otherLength
            case (.malformed(let reason), .malformed(let other)): reason.description == other.description
            default: false
            }
        }
    }

    /// Looks at everything that came since the connection began. Costs nothing to ask again: a header is short.
    package static func parse(_ bytes: UnsafeRawBufferPointer, _ mode: Mode) -> Outcome {
        switch mode {
        case .off: .header(.connection, length: 0)
        case .v1: ProxyProtocolV1.parse(bytes)
        case .v2: ProxyProtocolV2.parse(bytes)
        }
    }
}
