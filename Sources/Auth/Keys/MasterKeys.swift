import JWT
package import OpenSSL

/// Why a master key file cannot be used. Lines count from 1; nothing of their content is told.
package enum MasterKeyError: Error, Sendable, Equatable, CustomStringConvertible {
    case empty
    case malformed(line: Int)
    case repeated(line: Int)
    case tooMany
    case openSSL(OpenSSLError)

    package var description: String {
        switch self {
        case .empty: "the master key file holds no key"
        case .malformed(let line): "line \(line) of the master key file is not a key (43 characters of base64url)"
        case .repeated(let line): "line \(line) of the master key file repeats a key"
        case .tooMany: "the master key file holds more than \(MasterKeys.maximumCount) keys"
        case .openSSL(let error): "a master key cannot be used: \(error)"
        }
    }
}

/// Why a sealed value does not open.
package enum SealError: Error, Sendable, Equatable {
    /// It names a master key that is not in the file.
    case unknownMasterKey(String)
    /// It was changed, cut, or sealed for another purpose or key id.
    case damaged
}

/// The master key file: a list of keys, one a line as base64url; blank lines and lines that start with `#` are comments.
/// The first seals, all open. A key is named by a digest of itself, so that names need no keeping.
///
/// Master keys wrap the random keys of the rings and nothing else. A sealed value is
/// `1 | master key id (8) | nonce (12) | ciphertext | tag (16)` with purpose and key id as associated data.
package struct MasterKeys: Sendable {
    package static let maximumCount = 16

    private struct Key: Sendable {
        let id: UInt64
        let wrapping: SecretBytes
    }

    private static let version: UInt8 = 1
    private static let headerCount = 1 + 8

    private let sealing: Key
    private let all: [Key]

    /// From the bytes of the file. The caller wipes them.
    package init(parsing file: [UInt8]) throws(MasterKeyError) {
        var keys: [Key] = []
        let lines = file.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard let first = text.first, first != UInt8(ascii: "#") else { continue }
            guard keys.count < MasterKeys.maximumCount else { throw .tooMany }
            guard var bytes = Base64URL.decode(Array(text)), bytes.count == AES256GCM.keyByteCount else {
                throw .malformed(line: index + 1)
            }
            defer { bytes.withUnsafeMutableBytes { wipe($0) } }
            let key: Key
            do throws(OpenSSLError) { key = try MasterKeys.key(SecretBytes(copying: bytes)) } catch {
                throw .openSSL(error)
            }
            guard !keys.contains(where: { $0.id == key.id }) else { throw .repeated(line: index + 1) }
            keys.append(key)
        }
        guard let first = keys.first else { throw .empty }
        sealing = first
        all = keys
    }

    /// The bytes of a new file with one random key. The caller writes them (0600) and wipes them.
    package static func makeFile() throws(OpenSSLError) -> [UInt8] {
        var bytes = try SecureRandom.bytes(AES256GCM.keyByteCount)
        defer { bytes.withUnsafeMutableBytes { wipe($0) } }
        let head = "# Portcullis master keys: the first seals, all open. Keep it secret and keep it safe.\n"
        return Array(head.utf8) + Base64URL.encode(bytes) + [UInt8(ascii: "\n")]
    }

    package func seal(
        _ secret: SecretBytes, purpose: KeyPurpose, keyID: String
    ) throws(OpenSSLError) -> [UInt8] {
        let data = MasterKeys.associatedData(purpose: purpose, keyID: keyID)
        let sealed = try AES256GCM.seal(secret, key: sealing.wrapping, associatedData: data)
        return [MasterKeys.version] + sealing.id.bigEndianBytes + sealed
    }

    package func open(
        _ sealed: [UInt8], purpose: KeyPurpose, keyID: String
    ) throws(SealError) -> SecretBytes {
        guard sealed.count > MasterKeys.headerCount, sealed[0] == MasterKeys.version else { throw .damaged }
        let id = UInt64(bigEndianBytes: sealed[1..<MasterKeys.headerCount])
        guard let key = all.first(where: { $0.id == id }) else { throw .unknownMasterKey(id.hexText) }
        do throws(OpenSSLError) {
            return try AES256GCM.open(
                Array(sealed[MasterKeys.headerCount...]), key: key.wrapping,
                associatedData: MasterKeys.associatedData(purpose: purpose, keyID: keyID))
        } catch {
            throw .damaged
        }
    }

    /// Whether the first key of the list sealed it.
    package func isCurrent(_ sealed: [UInt8]) -> Bool {
        sealed.count > MasterKeys.headerCount && sealed[0] == MasterKeys.version
            && UInt64(bigEndianBytes: sealed[1..<MasterKeys.headerCount]) == sealing.id
    }

    private static func key(_ secret: SecretBytes) throws(OpenSSLError) -> Key {
        let root = HMACSHA256Key(secret)
        return Key(
            id: UInt64(bigEndianBytes: try root.authenticate(Array("master key id".utf8)).prefix(8)),
            wrapping: try root.derivingSecret(label: "master key wrapping"))
    }

    private static func associatedData(purpose: KeyPurpose, keyID: String) -> [UInt8] {
        Array("portcullis sealed key".utf8) + [0] + Array(purpose.rawValue.utf8) + [0] + Array(keyID.utf8)
    }
}
