import OpenSSL
import Testing

struct SecretBytesTests {
    @Test func `a secret never shows itself, printed or dumped`() {
        let secret = SecretBytes(copying: Array("correct horse battery".utf8))
        var dumped = ""
        dump(secret, to: &dumped)
        #expect("\(secret)" == "SecretBytes(21)")
        #expect(String(reflecting: secret) == "SecretBytes(21)")
        #expect(!dumped.contains("correct") && !dumped.contains("0x"))
    }

    @Test func `a secret holds what it was given and equals only the same bytes`() throws {
        let bytes = Array("correct horse battery".utf8)
        let secret = SecretBytes(copying: bytes)
        #expect(secret.count == bytes.count)
        #expect(secret.withUnsafeBytes { Array($0) } == bytes)
        #expect(secret == SecretBytes(copying: bytes))
        #expect(secret != SecretBytes(copying: Array(bytes.dropLast())))
        #expect(try SecretBytes(randomCount: 32) != SecretBytes(randomCount: 32))
        #expect(SecretBytes(copying: [UInt8]()).count == 0)
    }

    @Test func `a filling that fails is the initializer's error`() {
        struct Refusal: Error, Equatable {}
        #expect(throws: Refusal()) { _ = try SecretBytes(count: 8) { _ throws(Refusal) in throw Refusal() } }
    }
}
