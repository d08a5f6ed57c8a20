package import OpenSSL

/// A key of the `device` ring: it makes and checks the tags of device credentials.
package struct DeviceKey: Sendable {
    /// Eight random bytes; its stored id is the same as sixteen lower-case hex digits.
    package let id: UInt64
    let tagging: HMACSHA256Key

    package init(id: UInt64, secret: SecretBytes) throws(OpenSSLError) {
        self.id = id
        tagging = HMACSHA256Key(try HMACSHA256Key(secret).derivingSecret(label: "device credential tag"))
    }
}

/// The `device` ring as one node sees it.
package struct DeviceKeys: Sendable {
    /// New credentials are made with it. Nil in an installation from before there were device keys, until its first
    /// upkeep has made some: then every device is an unknown one.
    package let active: DeviceKey?
    private let others: [DeviceKey]

    /// `others` are the next and the retired keys: a credential of one that retired is good until it expires.
    package init(active: DeviceKey?, others: [DeviceKey]) {
        self.active = active
        self.others = others
    }

    package subscript(id: UInt64) -> DeviceKey? {
        active?.id == id ? active : others.first { $0.id == id }
    }
}
