import Reactor

extension PostgresConfiguration {
    /// libpq's parameters for one host at one address; nil for a Unix socket. What the URL says comes first.
    func login(to host: Host, at address: SocketAddress?) -> [(name: String, value: String)] {
        // A peer that left without a word is noticed before a caller finds out, and does not keep a backend busy.
        var login = [
            "application_name": "portcullis",
            "sslmode": "prefer",
            "target_session_attrs": "read-write",
            "keepalives_idle": "5",
            "keepalives_interval": "2",
            "keepalives_count": "3",
            "tcp_user_timeout": "10000",
        ].merging(parameters) { $1 }
        login["host"] = host.name
        login["port"] = String(host.port)
        login["hostaddr"] = address?.host
        login["client_encoding"] = "UTF8"
        // It would cost a round trip to ask for, and no deployment of ours has it.
        login["gssencmode"] = "disable"
        login["options"] = [parameters["options"], options].compactMap(\.self).joined(separator: " ")
        return login.map { (name: $0.key, value: $0.value) }
    }

    /// Settings of the session, in the packet that begins it. A transaction whose node stopped in the middle keeps its
    /// locks no longer than this; a statement is ended before we stop waiting for it. What the stores rest on is not left
    /// to the server's configuration.
    private var options: String {
        [
            "-c statement_timeout=\(statementMilliseconds)",
            "-c idle_in_transaction_session_timeout=\(2 * statementMilliseconds)",
            "-c default_transaction_isolation=read\\ committed",
        ].joined(separator: " ")
    }
}
