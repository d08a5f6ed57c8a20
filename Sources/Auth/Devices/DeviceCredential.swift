import JWT
package import OpenSSL

/// `v | kid | device | expires | tag` as base64url: 65 bytes, 87 characters, one spelling for each.
///
/// It says that somebody with this device has once known the password of one account: there, and nowhere else, the device
/// is a known one. `tag` is an HMAC with the device key `kid` over all before it and the account's name; the name itself
/// is not in it, so that whoever finds a credential learns nothing from it. Checked without I/O. It proves no identity:
/// without the password it is good for a place of its own in the throttle, which strangers cannot fill up.
package struct DeviceCredential: Sendable, Equatable {
    /// Six months: a device that is used less often is asked to be new once more. Retired keys stay for as long.
    package static let lifetimeSeconds: Int64 = 180 * 86_400

    /// Characters in the text.
    package static let textCount = 87

    private static let version: UInt8 = 1
    private static let headCount = 1 + 8 + 16 + 8
    private static let byteCount = headCount + HMACSHA256Key.tagByteCount

    package let device: Identifier
    package let expiresAt: UnixTime
    package let text: String
    private let keyID: UInt64

    /// From what a client sent with a login at `account`. Nil is an unknown device, for whatever reason: forged, of another
    /// account, expired, of a key that is gone. Nobody is told which, since no caller has a use for it.
    package init?(_ text: String, of account: Username, keys: DeviceKeys, at now: UnixTime) {
        guard text.utf8.count == DeviceCredential.textCount, let bytes = Base64URL.decode(Array(text.utf8)),
            bytes.count == DeviceCredential.byteCount, bytes[0] == DeviceCredential.version,
            let key = keys[UInt64(bigEndianBytes: bytes[1..<9])]
        else { return nil }
        let (head, tag) = (Array(bytes[..<DeviceCredential.headCount]), Array(bytes[DeviceCredential.headCount...]))
        let expected: [UInt8]
        do throws(OpenSSLError) { expected = try DeviceCredential.tag(of: head, account, key) } catch { return nil }
        guard constantTimeEqual(expected, tag) else { return nil }
        keyID = key.id
        device = Identifier(high: UInt64(bigEndianBytes: bytes[9..<17]), low: UInt64(bigEndianBytes: bytes[17..<25]))
        expiresAt = UnixTime(seconds: Int64(bigEndianBytes: bytes[25..<33]))
        self.text = text
        guard now < expiresAt else { return nil }
    }

    /// A credential of `device` for `account`, good from `now` on. Nil while the ring has no active key.
    package init?(for device: Identifier, of account: Username, keys: DeviceKeys, at now: UnixTime) throws(OpenSSLError)
    {
        guard let key = keys.active else { return nil }
        let expires = now.adding(seconds: DeviceCredential.lifetimeSeconds).seconds
        let head = [DeviceCredential.version] + key.id.bigEndianBytes + device.bytes + expires.bigEndianBytes
        text = String(
            decoding: Base64URL.encode(head + (try DeviceCredential.tag(of: head, account, key))), as: UTF8.self)
        self.device = device
        expiresAt = UnixTime(seconds: expires)
        keyID = key.id
    }

    /// What a device has from now on, after a success: `known` for as long as it is young and its key active, else a new
    /// one of the same device; a new device without it. Nil when none can be made, which fails no login.
    package static func afterSuccess(
        _ known: DeviceCredential?, of account: Username, keys: DeviceKeys, at now: UnixTime
    ) -> DeviceCredential? {
        if let known, known.keyID == keys.active?.id,
            now.adding(seconds: lifetimeSeconds / 2) < known.expiresAt
        {
            return known
        }
        do throws(OpenSSLError) {
            let device: Identifier
            if let known { device = known.device } else { device = try Identifier.make(at: now) }
            return try DeviceCredential(for: device, of: account, keys: keys, at: now) ?? known
        } catch {
            return known
        }
    }

    /// The name is the one part of variable length and comes last.
    private static func tag(of head: [UInt8], _ account: Username, _ key: DeviceKey) throws(OpenSSLError) -> [UInt8] {
        try key.tagging.authenticate(head + account.text.utf8)
    }
}

extension DeviceCredential: CustomStringConvertible, CustomReflectable {
    /// Says which device it is and nothing to make a credential from.
    package var description: String { "DeviceCredential(\(device))" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}
