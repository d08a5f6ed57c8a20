import OpenSSL
import Testing

struct HMACTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let number: Int
        let key: [UInt8]
        let data: [UInt8]
        let tag: [UInt8]
        var testDescription: String { "4.\(number + 1)" }
    }

    static let vectors = [
        Vector(
            number: 1, key: .init(repeating: 0x0b, count: 20), data: Array("Hi There".utf8),
            tag: hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")),
        Vector(
            number: 2, key: Array("Jefe".utf8), data: Array("what do ya want for nothing?".utf8),
            tag: hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")),
        Vector(
            number: 3, key: .init(repeating: 0xaa, count: 20), data: .init(repeating: 0xdd, count: 50),
            tag: hex("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe")),
        Vector(
            number: 4, key: Array(0x01...0x19), data: .init(repeating: 0xcd, count: 50),
            tag: hex("82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b")),
        Vector(
            number: 6, key: .init(repeating: 0xaa, count: 131),
            data: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            tag: hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")),
        Vector(
            number: 7, key: .init(repeating: 0xaa, count: 131),
            data: Array(
                """
                This is a test using a larger than block-size key and a larger than block-size data. \
                The key needs to be hashed before being used by the HMAC algorithm.
                """.utf8),
            tag: hex("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2")),
    ]

    @Test(arguments: vectors)
    func `HMAC-SHA-256 answers RFC 4231 section 4`(vector: Vector) throws {
        let secret = SecretBytes(copying: vector.key)
        let key = HMACSHA256Key(secret)
        #expect(try key.authenticate(vector.data) == vector.tag)
        #expect(key.isValid(vector.tag, for: vector.data))

        let verifier = try SignatureVerifier(hmacSecret: secret)
        for _ in 0..<3 {
            #expect(verifier.isValid(vector.tag, for: vector.data))
            #expect(!verifier.isValid(Array(vector.tag.dropLast()), for: vector.data))
            #expect(!verifier.isValid(vector.tag, for: Array(vector.data.dropLast())))
        }
    }

    @Test func `a truncated tag is refused even where it is a prefix (RFC 4231 section 4.6)`() throws {
        let key = HMACSHA256Key(SecretBytes(copying: [UInt8](repeating: 0x0c, count: 20)))
        let data = Array("Test With Truncation".utf8)
        let tag = try key.authenticate(data)
        #expect(Array(tag.prefix(16)) == hex("a3b6167473100ee06e0c796c2955552b"))
        #expect(!key.isValid(Array(tag.prefix(16)), for: data))
        #expect(!key.isValid([UInt8](), for: data))
    }

    @Test func `every changed bit of a tag is refused`() throws {
        let key = HMACSHA256Key(try SecretBytes(randomCount: 32))
        let data = Array("refresh".utf8)
        let tag = try key.authenticate(data)
        for bit in 0..<tag.count * 8 {
            var forged = tag
            forged[bit / 8] ^= 1 << (bit % 8)
            #expect(!key.isValid(forged, for: data))
        }
    }

    @Test func `an empty key is a key of its own`() throws {
        let empty = HMACSHA256Key(SecretBytes(copying: [UInt8]()))
        #expect(
            try empty.authenticate([UInt8]())
                == hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"))
    }
}
