/// Where a request came from, as the audit tells it.
package struct RequestOrigin: Sendable, Equatable {
    /// The client's address; nil for the command line on the server's own machine and for the server itself.
    package let address: ClientAddress?
    /// `X-Request-Id`; nil for what no request caused.
    package let requestID: String?

    package init(address: ClientAddress?, requestID: String?) {
        self.address = address
        self.requestID = requestID
    }

    /// The server's own doing: start and upkeep.
    package static let server = RequestOrigin(address: nil, requestID: nil)
}
