import OpenSSL

extension FixedWidthInteger {
    /// Network order.
    package var bigEndianBytes: [UInt8] {
        stride(from: Self.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
    }

    /// From bytes in network order; of more than fit the first are lost.
    package init(bigEndianBytes bytes: some Sequence<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
    }
}

extension UInt64 {
    /// Sixteen lower-case hex digits.
    var hexText: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// From exactly what `hexText` gives.
    init?(hexText text: String) {
        guard let value = UInt64(text, radix: 16), value.hexText == text else { return nil }
        self = value
    }
}

extension HMACSHA256Key {
    /// A secret of 32 bytes for one use, named by `label`; different labels give unrelated secrets.
    func derivingSecret(label: String) throws(OpenSSLError) -> SecretBytes {
        var derived = try authenticate(Array(label.utf8))
        defer { derived.withUnsafeMutableBytes { wipe($0) } }
        return SecretBytes(copying: derived)
    }
}

extension SecretBytes {
    /// Takes what `bytes` hold and wipes them.
    convenience init(wiping bytes: inout [UInt8]) {
        self.init(copying: bytes.span.bytes)
        bytes.withUnsafeMutableBytes { wipe($0) }
    }
}
