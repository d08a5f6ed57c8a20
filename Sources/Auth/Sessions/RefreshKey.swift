package import OpenSSL

/// A key of the `refresh` ring. Two keys are derived from its secret, one for tags and one for wrapping, so that neither
/// use can be turned against the other.
package struct RefreshKey: Sendable {
    /// Eight random bytes; its stored id is the same as sixteen lower-case hex digits.
    package let id: UInt64
    let tagging: HMACSHA256Key
    let wrapping: SecretBytes

    package init(id: UInt64, secret: SecretBytes) throws(OpenSSLError) {
        self.id = id
        let root = HMACSHA256Key(secret)
        tagging = HMACSHA256Key(try root.derivingSecret(label: "refresh token tag"))
        wrapping = try root.derivingSecret(label: "session secret wrapping")
    }
}

/// The `refresh` ring as one node sees it.
package struct RefreshKeys: Sendable {
    /// New sessions are opened with it.
    package let active: RefreshKey
    private let others: [RefreshKey]

    /// `others` are the next and the retired keys.
    package init(active: RefreshKey, others: [RefreshKey]) {
        self.active = active
        self.others = others
    }

    package subscript(id: UInt64) -> RefreshKey? {
        active.id == id ? active : others.first { $0.id == id }
    }
}
