import JWT
import OpenSSL
import Testing

/// The examples of RFC 7515 appendix A and RFC 8037 appendix A, as printed there.
struct RFCVectorTests {
    /// RFC 7515 A.1
    static let hmacToken = """
        eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA\
        6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk
        """
    static let hmacSecret = """
        AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow
        """
    /// RFC 7515 A.2
    static let rsaToken = """
        eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9\
        pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Q\
        c_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARN\
        PvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6I\
        eYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw
        """
    static let rsaModulus = """
        ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql\
        L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs\
        LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud\
        F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ
        """
    /// The private key of A.2 (its n, e and d) as PKCS #8.
    static let rsaPrivateKey = """
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh-BYK4uPJtGXOjS1lYmM2K5J9vinh8CR3_BYlzJChNuOL\
        2TSXxbbqY913EeZ8dCn5VrD7io8ImtxLaYk8wTM_U-3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\
        juygxmj3AbONv_s4yDQs4v5tJ_reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5ROjtZMEQxrZHYJqkeDrrnGya11UxMFBj\
        i4NmXG9veoKjlnAqH2QbgtPr8jkiGUkftoaHLFcW9Qr4NY2ai50Xw0Byj3-H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\
        VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeX\
        Zx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\
        kn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl\
        _x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\
        pLttoLhyt3SmqdEf_kgHePDdtzEafpAu-cS191R2JiuoF2yzWXnwFDcqGigp5BNr0AHQfD8_Lk8l1Mk09jxxCfui5nYooNya\
        c8YFjm3vItzVCVDnEd3BbVWG8qf6deqElMGAg-C2V0L4oNXnP7LZcPAZRwKBgQC5A8R-CZW2MvRTLLHzwZkUXV866cff7tx6\
        kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAPrq3rbAOal78eUH5OcED6eNuCV8ixEu1e\
        WcPNCS_l1OW1EnXUEoEHKl54Xrrz2uNwkgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7_Ls5bkUp\
        5u9SN0Ai3Ya6hNnvWJMb7sXQX6U_zyO2M_hTip7tUeh7CXgwo59dkpN75gJLVds29-DAncu3KXU4f2Fa-7bLNrur53k8KwPO\
        q2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf_evpitUf-4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\
        yoAe9fa65iNqCq-jdw6PVNGo2hxfjSiZ8IIzHdsPXI89__pMjZcQK9r-CCoRjaZjOYiIDktVWZzmevJuv6WywUqd57LE3Zar\
        3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3\
        ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U
        """
    /// RFC 7515 A.3
    static let ecdsaToken = """
        eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9\
        pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqP\
        P3-Kg6NU1Q
        """
    /// RFC 7515 A.4: ES512, which we do not support.
    static let p521Token = """
        eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZq\
        wqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9E\
        RBXukOXolLzeO_Jn
        """
    /// RFC 8037 A.4
    static let edDSAToken = """
        eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AI\
        bQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg
        """

    static let claims = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

    static func bytes(_ text: String) throws -> [UInt8] { try #require(Base64URL.decode(Array(text.utf8))) }

    static func hmacKey() throws -> TokenVerificationKey {
        try TokenVerificationKey(keyID: "a1", secret: SecretBytes(copying: bytes(hmacSecret)))
    }

    static func rsaKey() throws -> TokenVerificationKey {
        try TokenVerificationKey(
            keyID: "a2", algorithm: .rs256, publicKey: PublicKey(.rsa(modulus: bytes(rsaModulus), exponent: [1, 0, 1])))
    }

    static func ecdsaKey() throws -> TokenVerificationKey {
        let x = try bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")
        let y = try bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
        return try TokenVerificationKey(keyID: "a3", algorithm: .es256, publicKey: PublicKey(.p256(x: x, y: y)))
    }

    static func edDSAKey() throws -> TokenVerificationKey {
        let x = try bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        return try TokenVerificationKey(keyID: "a4", algorithm: .edDSA, publicKey: PublicKey(.ed25519(x)))
    }

    /// Verifies, expects `payload`, and expects every single changed bit of the token to be refused.
    private func check(_ token: String, _ key: TokenVerificationKey, payload: String) throws {
        let token = Array(token.utf8)
        #expect(try CompactJWS.payload(of: token, verifiedWith: key) == Array(payload.utf8))
        for bit in stride(from: 0, to: token.count * 8, by: 3) {
            var forged = token
            forged[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: TokenError.self) { _ = try CompactJWS.payload(of: forged, verifiedWith: key) }
        }
    }

    @Test func `HS256 (RFC 7515 A.1)`() throws {
        try check(Self.hmacToken, Self.hmacKey(), payload: Self.claims)
        let input = try #require(Self.hmacToken.lastIndex(of: ".").map { Array(Self.hmacToken[..<$0].utf8) })
        let tag = try HMACSHA256Key(SecretBytes(copying: Self.bytes(Self.hmacSecret))).authenticate(input)
        #expect(Self.hmacToken.hasSuffix("." + String(decoding: Base64URL.encode(tag), as: UTF8.self)))
    }

    @Test func `RS256, verified and made again (RFC 7515 A.2)`() throws {
        try check(Self.rsaToken, Self.rsaKey(), payload: Self.claims)
        let input = try #require(Self.rsaToken.lastIndex(of: ".").map { Array(Self.rsaToken[..<$0].utf8) })
        let signature = try PrivateKey(pkcs8: Self.bytes(Self.rsaPrivateKey)).signature(for: input)
        #expect(Self.rsaToken.hasSuffix("." + String(decoding: Base64URL.encode(signature), as: UTF8.self)))
    }

    @Test func `ES256 (RFC 7515 A.3)`() throws { try check(Self.ecdsaToken, Self.ecdsaKey(), payload: Self.claims) }

    @Test func `ES512 is refused by every key of ours, for we have no P-521 (RFC 7515 A.4)`() throws {
        for key in [try Self.hmacKey(), try Self.rsaKey(), try Self.ecdsaKey(), try Self.edDSAKey()] {
            #expect(throws: TokenError.wrongAlgorithm) {
                _ = try CompactJWS.payload(of: Array(Self.p521Token.utf8), verifiedWith: key)
            }
        }
    }

    @Test func `EdDSA, verified and made again (RFC 8037 A.4)`() throws {
        try check(Self.edDSAToken, Self.edDSAKey(), payload: "Example of Ed25519 signing")
        let prefix: [UInt8] = [0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20]
        let key = try PrivateKey(pkcs8: prefix + Self.bytes("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
        let input = try #require(Self.edDSAToken.lastIndex(of: ".").map { Array(Self.edDSAToken[..<$0].utf8) })
        let signature = String(decoding: Base64URL.encode(try key.signature(for: input)), as: UTF8.self)
        #expect(Self.edDSAToken.hasSuffix("." + signature))
    }

    @Test func `the keys of the examples come out of a JWK Set as they went in (RFC 7517, RFC 8037 A.2)`() throws {
        let keys = [try Self.edDSAKey(), try Self.hmacKey(), try Self.rsaKey(), try Self.ecdsaKey()]
        let rsa = #"{"kty":"RSA","n":"\#(Self.rsaModulus)","e":"AQAB","use":"sig","alg":"RS256","kid":"a2"}"#
        let ecdsa = """
            {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",\
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","use":"sig","alg":"ES256","kid":"a3"}
            """
        let edDSA = """
            {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig",\
            "alg":"EdDSA","kid":"a4"}
            """
        let document = String(decoding: try JWKS.document(keys), as: UTF8.self)
        #expect(document == #"{"keys":[\#(rsa),\#(ecdsa),\#(edDSA)]}"#)
        #expect(try JWKS.document(keys.reversed()) == JWKS.document(keys))
    }

    @Test func `a secret never gets into a JWK Set`() throws {
        let key = try TokenSigningKey.generate(.hs256)
        #expect(try JWKS.document([key.verificationKey]) == Array(#"{"keys":[]}"#.utf8))
    }
}
