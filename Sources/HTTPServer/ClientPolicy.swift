/// How a listener finds out whose a request is when balancers stand between. Without any of it, a client is who the
/// connection comes from, and nothing that a request says of its way is looked at.
package struct ClientPolicy: Sendable, Equatable {
    /// Which of the two fields the proxies write. One alone: a proxy passes on the other as its client sent it, so whoever
    /// could choose between them would be whoever he wants.
    package enum Field: String, Sendable, CaseIterable {
        case xForwardedFor = "x-forwarded-for"
        /// RFC 7239.
        case forwarded
    }

    /// Whose fields and PROXY headers are believed.
    package var proxies = TrustedProxies.none
    package var field = Field.xForwardedFor
    /// Other than `off`, connections of anybody but `proxies` are closed unread.
    package var proxyProtocol = ProxyProtocol.Mode.off

    package init() {}
}
