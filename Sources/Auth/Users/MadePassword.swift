package import OpenSSL

/// A password that the server makes up for somebody who will be told it once.
package enum MadePassword {
    /// Without the letters and digits that are taken for one another.
    private static let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)

    /// 24 characters of 5 random bits each, in groups of six.
    package static func make() throws(OpenSSLError) -> String {
        let characters = try SecureRandom.bytes(24).map { alphabet[Int($0 & 31)] }
        let groups = stride(from: 0, to: 24, by: 6).map { String(decoding: characters[$0..<($0 + 6)], as: UTF8.self) }
        return groups.joined(separator: "-")
    }
}
