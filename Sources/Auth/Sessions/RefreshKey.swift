package import OpenSSL

/// A key of the `refresh` ring. Two keys are derived from its secret, one for tags and one for wrapping, so that neither
/// use can be turned against the other.
package struct RefreshKey: Sendable {
    /// Eight random bytes; its stored id is the same as sixteen lower-case hex digits.
    package let id: UInt64
    let tagging: HMACSHA256Key
    private let wrapping: SecretBytes

    package init(id: UInt64, secret: SecretBytes) throws(OpenSSLError) {
        self.id = id
        let root = HMACSHA256Key(secret)
        tagging = HMACSHA256Key(try root.derivingSecret(label: "refresh token tag"))
        wrapping = try root.derivingSecret(label: "session secret wrapping")
    }

    /// The key's id, then the secret under AES-256-GCM with purpose, key and session as associated data.
    func seal(_ secret: SecretBytes, session: Identifier) throws(OpenSSLError) -> [UInt8] {
        try id.bigEndianBytes + AES256GCM.seal(secret, key: wrapping, associatedData: associatedData(session))
    }

    /// Opens what `seal` made for the same session; the caller found this key by `RefreshKey.id(ofSealed:)`.
    func open(_ sealed: [UInt8], session: Identifier) throws(OpenSSLError) -> SecretBytes {
        try AES256GCM.open(Array(sealed.dropFirst(8)), key: wrapping, associatedData: associatedData(session))
    }

    /// The key that sealed a session's secret and that tags its refresh tokens. Nil for what is too short.
    static func id(ofSealed sealed: [UInt8]) -> UInt64? {
        sealed.count > 8 ? UInt64(bigEndianBytes: sealed.prefix(8)) : nil
    }

    private func associatedData(_ session: Identifier) -> [UInt8] {
        Array(KeyPurpose.refresh.rawValue.utf8) + [0] + id.bigEndianBytes + session.bytes
    }
}
