import OpenSSL
import Testing

struct DigestTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 answers the examples of FIPS 180-4`(message: String, digest: String) throws {
        #expect(try SHA256.hash(Array(message.utf8)) == hex(digest))
    }

    @Test func `equal bytes are equal, and others are not, in constant time`() {
        let secret = Array("a secret of some length".utf8)
        #expect(constantTimeEqual(secret, secret))
        #expect(constantTimeEqual([UInt8](), [UInt8]()))
        #expect(!constantTimeEqual(secret, Array(secret.dropLast())))
        for bit in 0..<secret.count * 8 {
            var other = secret
            other[bit / 8] ^= 1 << (bit % 8)
            #expect(!constantTimeEqual(secret, other))
        }
    }

    @Test func `random bytes are as many as asked for and differ`() throws {
        #expect(try SecureRandom.bytes(0).isEmpty)
        #expect(try SecureRandom.bytes(-1).isEmpty)
        let first = try SecureRandom.bytes(32)
        #expect(first.count == 32)
        #expect(try SecureRandom.bytes(32) != first)
    }
}
