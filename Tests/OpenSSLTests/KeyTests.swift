import OpenSSL
import Testing

struct KeyTests {
    @Test(arguments: KeyKind.allCases)
    func `a private key survives PKCS 8 and its public half survives its numbers`(kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind)
        let stored = try key.pkcs8()
        let loaded = try PrivateKey(pkcs8: stored)
        #expect(loaded.kind == kind)
        let numbers = try key.publicKey.components()
        #expect(try loaded.publicKey.components() == numbers)
        let rebuilt = try PublicKey(numbers)
        #expect(rebuilt.kind == kind)
        let message = Array("message".utf8)
        let signature = try loaded.signature(for: message)
        #expect(try SignatureVerifier(rebuilt).isValid(signature, for: message))
    }

    @Test(arguments: KeyKind.allCases)
    func `damaged PKCS 8 never traps, and cut or extended it is refused`(kind: KeyKind) throws {
        let stored = try PrivateKey.generate(kind).pkcs8().withUnsafeBytes { Array($0) }
        for count in 0..<stored.count {
            #expect(throws: OpenSSLError.self) { _ = try PrivateKey(pkcs8: Array(stored.prefix(count))) }
        }
        #expect(throws: OpenSSLError.self) { _ = try PrivateKey(pkcs8: (stored + [0])) }
    }

    @Test func `a private key with another's public half is refused`() throws {
        // RFC 5915 section 3: the point stands at the end.
        let key = try PrivateKey.generate(.p256).pkcs8().withUnsafeBytes { [UInt8]($0) }
        let other = try PrivateKey.generate(.p256).pkcs8().withUnsafeBytes { [UInt8]($0) }
        #expect(throws: OpenSSLError.self) { _ = try PrivateKey(pkcs8: key.dropLast(64) + other.suffix(64)) }
        #expect(throws: Never.self) { _ = try PrivateKey(pkcs8: key.dropLast(64) + key.suffix(64)) }
    }

    @Test(arguments: KeyKind.allCases)
    func `a private key with a changed byte is refused or still signs for its public half`(kind: KeyKind) throws {
        let stored = try PrivateKey.generate(kind).pkcs8().withUnsafeBytes { [UInt8]($0) }
        let message = Array("message".utf8)
        for place in stride(from: 0, to: stored.count, by: kind == .rsa ? 29 : 1) {
            var changed = stored
            changed[place] ^= 0x10
            guard let key = try? PrivateKey(pkcs8: changed) else { continue }
            let signature = try key.signature(for: message)
            #expect(try SignatureVerifier(key.publicKey).isValid(signature, for: message))
        }
    }

    @Test func `a P-256 point must lie on the curve (RFC 7518 section 6.2.2)`() throws {
        let key = try PrivateKey.generate(.p256).publicKey
        guard case .p256(let x, let y) = try key.components() else {
            Issue.record("not a P-256 key")
            return
        }
        var other = y
        other[31] ^= 1
        let zero = [UInt8](repeating: 0, count: 32)
        for point in [(x, other), (zero, zero), (x, zero), ([UInt8](repeating: 0xff, count: 32), y)] {
            #expect(throws: OpenSSLError.self) { _ = try PublicKey(.p256(x: point.0, y: point.1)) }
        }
        for point in [([], []), (Array(x.dropFirst()), y), (x, y + [0])] {
            #expect(throws: OpenSSLError.self) { _ = try PublicKey(.p256(x: point.0, y: point.1)) }
        }
    }

    @Test func `RSA below 2048 bits, above 8192 bits or with a bad exponent is refused (RFC 7518 section 3.3)`() throws
    {
        #expect(throws: OpenSSLError.self) { _ = try PrivateKey.generate(.rsa, rsaBits: 1024) }
        #expect(throws: OpenSSLError.self) { _ = try PrivateKey.generate(.rsa, rsaBits: -1) }
        #expect(throws: OpenSSLError.self) { _ = try PrivateKey.generate(.rsa, rsaBits: 16384) }
        guard case .rsa(let modulus, let exponent) = try PrivateKey.generate(.rsa).publicKey.components() else {
            Issue.record("not an RSA key")
            return
        }
        #expect(modulus.count == 256 && exponent == [1, 0, 1])
        #expect(throws: OpenSSLError.self) {
            _ = try PublicKey(.rsa(modulus: Array(modulus.suffix(128)), exponent: exponent))
        }
        let huge = [UInt8](repeating: 0xff, count: 2000)
        #expect(throws: OpenSSLError.self) { _ = try PublicKey(.rsa(modulus: huge, exponent: exponent)) }
        for bad in [[], [0], [1], [2], [UInt8](repeating: 1, count: 9)] as [[UInt8]] {
            #expect(throws: OpenSSLError.self) { _ = try PublicKey(.rsa(modulus: modulus, exponent: bad)) }
        }
    }

    @Test func `keys of other kinds are refused: P-384, X25519 (SubjectPublicKeyInfo)`() {
        let p384 = hex(
            """
            3076301006072a8648ce3d020106052b81040022036200\
            04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7\
            3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f
            """)
        let x25519 = hex("302a300506032b656e032100") + [UInt8](repeating: 9, count: 32)
        let ed25519 = hex("302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        #expect(throws: OpenSSLError.self) { _ = try PublicKey(subjectPublicKeyInfo: p384) }
        #expect(throws: OpenSSLError.self) { _ = try PublicKey(subjectPublicKeyInfo: x25519) }
        #expect(throws: OpenSSLError.self) { _ = try PublicKey(subjectPublicKeyInfo: (ed25519 + [0])) }
        #expect(throws: OpenSSLError.self) { _ = try PublicKey(subjectPublicKeyInfo: [UInt8]()) }
        #expect(throws: Never.self) { _ = try PublicKey(subjectPublicKeyInfo: ed25519) }
    }

    @Test func `an error names the operation and no content`() {
        do {
            _ = try PrivateKey(pkcs8: [UInt8](repeating: 0x30, count: 8))
            Issue.record("garbage was taken for a key")
        } catch {
            #expect(error.description.hasPrefix("reading a private key"))
        }
    }
}
