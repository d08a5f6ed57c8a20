import OpenSSL
import Testing

struct AES256GCMTests {
    private let key: SecretBytes
    private let purpose = Array("signing/key-1".utf8)

    init() throws { key = try SecretBytes(randomCount: AES256GCM.keyByteCount) }

    @Test(arguments: [0, 1, 15, 16, 17, 1000])
    func `what was sealed opens again`(count: Int) throws {
        let plain = try SecureRandom.bytes(count)
        let sealed = try AES256GCM.seal(plain, key: key, associatedData: purpose)
        #expect(sealed.count == count + AES256GCM.overheadByteCount)
        let opened = try AES256GCM.open(sealed, key: key, associatedData: purpose)
        #expect(opened.withUnsafeBytes { [UInt8]($0) } == plain)
    }

    @Test func `a value sealed elsewhere opens: test case 16 of the GCM specification`() throws {
        let key = SecretBytes(
            copying: hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
        let sealed = hex(
            """
            cafebabefacedbaddecaf888 \
            522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838 \
            c5f61e6393ba7a0abcc9f662 76fc6ece0f4e1768cddf8853bb2d551b
            """)
        let associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let opened = try AES256GCM.open(sealed, key: key, associatedData: associated)
        #expect(
            opened.withUnsafeBytes { [UInt8]($0) }
                == hex(
                    """
                    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39
                    """))
    }

    @Test func `every changed bit, every cut and every other context is refused`() throws {
        let plain = Array("thirty-two bytes of key material".utf8)
        let sealed = try AES256GCM.seal(plain, key: key, associatedData: purpose)
        func refuses(_ value: [UInt8], key: SecretBytes, purpose: [UInt8]) -> Bool {
            do {
                _ = try AES256GCM.open(value, key: key, associatedData: purpose)
                return false
            } catch {
                return true
            }
        }
        for bit in 0..<sealed.count * 8 {
            var forged = sealed
            forged[bit / 8] ^= 1 << (bit % 8)
            #expect(refuses(forged, key: key, purpose: purpose))
        }
        for count in 0..<sealed.count { #expect(refuses(Array(sealed.prefix(count)), key: key, purpose: purpose)) }
        #expect(refuses(sealed + [0], key: key, purpose: purpose))
        #expect(refuses(sealed, key: key, purpose: Array("signing/key-2".utf8)))
        #expect(refuses(sealed, key: key, purpose: []))
        #expect(refuses(sealed, key: try SecretBytes(randomCount: 32), purpose: purpose))
    }

    @Test func `a key of another size is refused, never padded`() throws {
        for count in [0, 16, 31, 33] {
            #expect(throws: OpenSSLError.self) {
                _ = try AES256GCM.seal(
                    purpose, key: SecretBytes(randomCount: count), associatedData: purpose)
            }
        }
    }

    @Test func `sealing the same twice gives different bytes`() throws {
        let once = try AES256GCM.seal(purpose, key: key, associatedData: purpose)
        #expect(try AES256GCM.seal(purpose, key: key, associatedData: purpose) != once)
    }
}
