import OpenSSL
import Testing

struct SignatureTests {
    static let message = Array("what is signed".utf8)

    @Test(arguments: KeyKind.allCases)
    func `a signature verifies with its key and message alone`(kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind)
        let verifier = try SignatureVerifier(key.publicKey)
        let stranger = try SignatureVerifier(PrivateKey.generate(kind).publicKey)
        for round in 0..<3 {
            let message = SignatureTests.message + [UInt8(round)]
            let signature = try key.signature(for: message)
            #expect(verifier.isValid(signature, for: message))
            #expect(!verifier.isValid(signature, for: SignatureTests.message))
            #expect(!stranger.isValid(signature, for: message))
        }
    }

    @Test(arguments: KeyKind.allCases)
    func `every changed bit, cut or addition of a signature is refused`(kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind)
        let verifier = try SignatureVerifier(key.publicKey)
        let message = SignatureTests.message
        let signature = try key.signature(for: message)
        for bit in stride(from: 0, to: signature.count * 8, by: kind == .rsa ? 7 : 1) {
            var forged = signature
            forged[bit / 8] ^= 1 << (bit % 8)
            #expect(!verifier.isValid(forged, for: message))
        }
        for count in 0..<signature.count {
            #expect(!verifier.isValid(Array(signature.prefix(count)), for: message))
        }
        #expect(!verifier.isValid((signature + [0]), for: message))
        #expect(!verifier.isValid(([0] + signature), for: message))
        #expect(verifier.isValid(signature, for: message))
    }

    @Test(arguments: KeyKind.allCases)
    func `one private key signs on several threads at once`(kind: KeyKind) async throws {
        let key = try PrivateKey.generate(kind)
        let signatures = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<16 { group.addTask { try key.signature(for: SignatureTests.message) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let verifier = try SignatureVerifier(key.publicKey)
        #expect(signatures.count == 16)
        for signature in signatures { #expect(verifier.isValid(signature, for: SignatureTests.message)) }
    }

    @Test func `P-256 signatures are 64 raw bytes whatever their numbers (RFC 7518 section 3.4)`() throws {
        let key = try PrivateKey.generate(.p256)
        let verifier = try SignatureVerifier(key.publicKey)
        // Enough rounds that r or s begins with a zero byte, or needs one in DER, many times.
        for round in 0..<600 {
            let message = Array("message \(round)".utf8)
            let signature = try key.signature(for: message)
            #expect(signature.count == 64)
            #expect(verifier.isValid(signature, for: message))
        }
    }

    @Test func `zero and out-of-range numbers in a P-256 signature are refused (CVE-2022-21449)`() throws {
        let verifier = try SignatureVerifier(PrivateKey.generate(.p256).publicKey)
        let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        let zero = [UInt8](repeating: 0, count: 32)
        let one = [UInt8](repeating: 0, count: 31) + [1]
        let all = [UInt8](repeating: 0xff, count: 32)
        for r in [zero, one, order, all] {
            for s in [zero, one, order, all] {
                #expect(!verifier.isValid((r + s), for: SignatureTests.message))
            }
        }
    }

    @Test func `Ed25519 answers RFC 8032 section 7.1 test 2`() throws {
        let key = try PublicKey(
            .ed25519(hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")))
        let signature = hex(
            """
            92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
            085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00
            """)
        let verifier = try SignatureVerifier(key)
        #expect(verifier.isValid(signature, for: hex("72")))
        #expect(!verifier.isValid(signature, for: hex("73")))
    }
}
