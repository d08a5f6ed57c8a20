// The same operations for callers that hold whole arrays.

package func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    constantTimeEqual(left.span.bytes, right.span.bytes)
}

extension SecretBytes {
    package convenience init(copying bytes: [UInt8]) { self.init(copying: bytes.span.bytes) }
}

extension SHA256 {
    package static func hash(_ bytes: [UInt8]) throws(OpenSSLError) -> [UInt8] { try hash(bytes.span.bytes) }
}

extension HMACSHA256Key {
    package func authenticate(_ bytes: [UInt8]) throws(OpenSSLError) -> [UInt8] { try authenticate(bytes.span.bytes) }

    package func isValid(_ tag: [UInt8], for bytes: [UInt8]) -> Bool { isValid(tag.span.bytes, for: bytes.span.bytes) }
}

extension AES256GCM {
    package static func seal(
        _ plain: [UInt8], key: SecretBytes, associatedData: [UInt8]
    ) throws(OpenSSLError) -> [UInt8] {
        try seal(plain.span.bytes, key: key, associatedData: associatedData.span.bytes)
    }

    package static func seal(
        _ plain: SecretBytes, key: SecretBytes, associatedData: [UInt8]
    ) throws(OpenSSLError) -> [UInt8] {
        try plain.withUnsafeBytes { plain throws(OpenSSLError) in
            try seal(plain.bytes, key: key, associatedData: associatedData.span.bytes)
        }
    }

    package static func open(
        _ sealed: [UInt8], key: SecretBytes, associatedData: [UInt8]
    ) throws(OpenSSLError) -> SecretBytes {
        try open(sealed.span.bytes, key: key, associatedData: associatedData.span.bytes)
    }
}

extension PublicKey {
    package init(subjectPublicKeyInfo bytes: [UInt8]) throws(OpenSSLError) {
        try self.init(subjectPublicKeyInfo: bytes.span.bytes)
    }
}

extension PrivateKey {
    package init(pkcs8 bytes: [UInt8]) throws(OpenSSLError) { try self.init(pkcs8: bytes.span.bytes) }

    package init(pkcs8 secret: SecretBytes) throws(OpenSSLError) {
        self = try secret.withUnsafeBytes { bytes throws(OpenSSLError) in try PrivateKey(pkcs8: bytes.bytes) }
    }

    package func signature(for message: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        try signature(for: message.span.bytes)
    }
}

extension SignatureVerifier {
    package func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        isValid(signature.span.bytes, for: message.span.bytes)
    }
}
