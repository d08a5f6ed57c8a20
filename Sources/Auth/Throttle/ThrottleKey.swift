package import OpenSSL

/// What one rule counts: the first half of a keyed HMAC over the rule and its subject. Neither names nor addresses
/// reach a table or a log, and nobody outside can choose where a key falls.
package struct ThrottleKey: Sendable, Hashable {
    package let rule: ThrottleRule
    let high: UInt64
    let low: UInt64

    /// Sixteen bytes, for stores that keep counters elsewhere.
    package var bytes: [UInt8] { Identifier(high: high, low: low).bytes }
}

/// Makes the keys of names and addresses with the `lookup` key.
package struct LookupKeys: Sendable {
    private let key: HMACSHA256Key

    package init(_ key: HMACSHA256Key) { self.key = key }

    /// What a login is counted under. A known device has buckets of its own.
    package func login(
        account: Username, address: ClientAddress, device: Identifier?
    ) throws(OpenSSLError) -> [ThrottleKey] {
        let name = Array(account.text.utf8)
        var keys = [
            try make(.address, address.bytes),
            try make(.network, address.network(prefix: address.family == .ipv4 ? 24 : 64).bytes),
        ]
        if address.family == .ipv6 { keys.append(try make(.site, address.network(prefix: 48).bytes)) }
        keys.append(try make(.addressCost, address.bytes))
        if let device {
            keys.append(try make(.accountAndDevice, device.bytes + name))
            keys.append(try make(.deviceCost, device.bytes + name))
            keys.append(try make(.knownDevicesCost, name))
        } else {
            keys.append(try make(.account, name))
            keys.append(try make(.accountAndAddress, address.bytes + name))
            keys.append(try make(.accountCost, name))
            keys.append(try make(.global, []))
        }
        return keys
    }

    /// What a registration is counted under: nothing of the name, which nobody owns yet.
    package func registration(address: ClientAddress) throws(OpenSSLError) -> [ThrottleKey] {
        var keys = [
            try make(.registrationAddress, address.bytes),
            try make(.registrationNetwork, address.network(prefix: address.family == .ipv4 ? 24 : 64).bytes),
        ]
        if address.family == .ipv6 {
            keys.append(try make(.registrationSite, address.network(prefix: 48).bytes))
        }
        return keys
    }

    /// What a refresh is counted under.
    package func refresh(session: Identifier, address: ClientAddress) throws(OpenSSLError) -> [ThrottleKey] {
        let network = address.family == .ipv4 ? address : address.network(prefix: 64)
        return [try make(.refreshSession, session.bytes), try make(.refreshAddress, network.bytes)]
    }

    /// What is counted of an account whatever address or device it is tried from.
    package func account(_ account: Username) throws(OpenSSLError) -> [ThrottleKey] {
        let name = Array(account.text.utf8)
        return try [.account, .accountCost, .knownDevicesCost].map { rule throws(OpenSSLError) in try make(rule, name) }
    }

    /// For the attempts table; each kind of subject has a label of its own.
    package func name(_ account: Username) throws(OpenSSLError) -> [UInt8] {
        try key.authenticate(Array("name:".utf8) + account.text.utf8)
    }

    package func address(_ address: ClientAddress) throws(OpenSSLError) -> [UInt8] {
        try key.authenticate(Array("address:".utf8) + address.bytes)
    }

    package func device(_ device: Identifier) throws(OpenSSLError) -> [UInt8] {
        try key.authenticate(Array("device:".utf8) + device.bytes)
    }

    /// What the nodes of a fleet tag their revocation stream with.
    package func stream() throws(OpenSSLError) -> HMACSHA256Key {
        HMACSHA256Key(try key.derivingSecret(label: "revocation stream"))
    }

    private func make(_ rule: ThrottleRule, _ subject: [UInt8]) throws(OpenSSLError) -> ThrottleKey {
        let tag = try key.authenticate(Array("throttle:".utf8) + [rule.rawValue] + subject)
        return ThrottleKey(
            rule: rule, high: UInt64(bigEndianBytes: tag[0..<8]), low: UInt64(bigEndianBytes: tag[8..<16]))
    }
}
