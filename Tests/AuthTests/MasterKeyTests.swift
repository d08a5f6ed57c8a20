import JWT
import OpenSSL
import Testing

@testable import Auth

@Suite struct MasterKeyTests {
    func line(_ byte: UInt8) -> String {
        String(decoding: Base64URL.encode([UInt8](repeating: byte, count: 32)), as: UTF8.self)
    }

    func parse(_ text: String) throws(MasterKeyError) -> MasterKeys { try MasterKeys(parsing: Array(text.utf8)) }

    @Test func `a new file holds one key and each is another`() throws {
        let file = try MasterKeys.makeFile()
        _ = try MasterKeys(parsing: file)
        #expect(try MasterKeys.makeFile() != file)
    }

    @Test func `the first key seals and all open`() throws {
        let secret = try SecretBytes(randomCount: 32)
        let old = try parse(line(1))
        let sealed = try old.seal(secret, purpose: .signing, keyID: "k")
        let both = try parse("# new first\n\(line(2))\r\n\n\(line(1))\n")
        #expect(try both.open(sealed, purpose: .signing, keyID: "k") == secret)
        let resealed = try both.seal(secret, purpose: .signing, keyID: "k")
        #expect(try parse(line(2)).open(resealed, purpose: .signing, keyID: "k") == secret)
        #expect(throws: SealError.self) { try old.open(resealed, purpose: .signing, keyID: "k") }
        #expect(both.isCurrent(resealed) && !both.isCurrent(sealed) && old.isCurrent(sealed))
        for count in 0..<9 { #expect(!both.isCurrent(Array(resealed[..<count]))) }
    }

    @Test func `a sealed value names its master key, purpose and key`() throws {
        let keys = try parse(line(1))
        let sealed = try keys.seal(try SecretBytes(randomCount: 32), purpose: .signing, keyID: "k")
        #expect(throws: SealError.damaged) { try keys.open(sealed, purpose: .refresh, keyID: "k") }
        #expect(throws: SealError.damaged) { try keys.open(sealed, purpose: .signing, keyID: "l") }
        let stranger = try parse(line(2))
        do throws(SealError) {
            _ = try stranger.open(sealed, purpose: .signing, keyID: "k")
            Issue.record("opened with another master key")
        } catch {
            guard case .unknownMasterKey(let id) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(id.count == 16)
        }
        for count in 0..<sealed.count {
            #expect(throws: SealError.self) { try keys.open(Array(sealed[..<count]), purpose: .signing, keyID: "k") }
        }
    }

    @Test func `a damaged file is refused with its line`() {
        #expect(throws: MasterKeyError.empty) { try parse("") }
        #expect(throws: MasterKeyError.empty) { try parse("# nothing\n\n") }
        #expect(throws: MasterKeyError.malformed(line: 2)) { try parse("\(line(1))\n\(line(2))=\n") }
        #expect(throws: MasterKeyError.malformed(line: 1)) { try parse(" \(line(1))") }
        #expect(throws: MasterKeyError.malformed(line: 1)) { try parse(String(line(1).dropLast())) }
        #expect(throws: MasterKeyError.repeated(line: 3)) { try parse("\(line(1))\n\(line(2))\n\(line(1))") }
        #expect(throws: MasterKeyError.tooMany) { try parse((1...17).map { line($0) }.joined(separator: "\n")) }
    }
}
