import Auth
import AuthServer
import Foundation
import JSON
import JWT
import OpenSSL

/// A compact JWS taken apart.
struct TokenText {
    /// As text: tests change it there, which JSON values would not let them.
    let header: String
    let payload: String
    let signature: [UInt8]

    init(_ token: String) throws {
        let segments = token.split(separator: ".", omittingEmptySubsequences: false).map { Array($0.utf8) }
        guard segments.count == 3, let header = Base64URL.decode(segments[0]),
            let payload = Base64URL.decode(segments[1]), let signature = Base64URL.decode(segments[2])
        else { throw UnexpectedReply("no token: \(token)") }
        self.header = String(decoding: header, as: UTF8.self)
        self.payload = String(decoding: payload, as: UTF8.self)
        self.signature = signature
    }

    var claims: JSONObject {
        get throws {
            guard let object = try JSONValue(parsing: Array(payload.utf8)).object else {
                throw UnexpectedReply("no claims: \(payload)")
            }
            return object
        }
    }
}

/// Makes tokens with a server's own keys and with others, right and wrong.
struct TokenForge {
    let good: TokenText
    let keys: KeyRingSnapshot
    let privateKey: PrivateKey

    /// `token` is a good one of the server. Its keys must be asymmetric.
    init(_ server: APIServer, token: String) async throws {
        good = try TokenText(token)
        let file = try Data(contentsOf: URL(fileURLWithPath: server.configuration.dataFolder + "/master.key"))
        let stored = try await server.application.store.update { _ in nil }
        keys = try KeyRingSnapshot(opening: stored, with: MasterKeys(parsing: Array(file)))
        privateKey = try PrivateKey(pkcs8: keys.signing.exported())
    }

    static func text(_ bytes: [UInt8]) -> String { String(decoding: Base64URL.encode(bytes), as: UTF8.self) }

    static func text(_ string: String) -> String { text(Array(string.utf8)) }

    /// Signed with the server's key unless told otherwise.
    func token(
        header: String? = nil, payload: String? = nil, sign: (([UInt8]) throws -> [UInt8])? = nil
    ) throws -> String {
        let input = "\(TokenForge.text(header ?? good.header)).\(TokenForge.text(payload ?? good.payload))"
        let bytes = Array(input.utf8)
        return "\(input).\(TokenForge.text(try sign?(bytes) ?? privateKey.signature(for: bytes)))"
    }

    /// The header with other members before its own.
    func header(with members: String) -> String { "{\(members)," + good.header.dropFirst() }

    /// The header with another value for one member.
    func header(_ name: String, _ json: String) throws -> String { try replace(name, json, in: good.header) }

    /// The payload with another value for one claim.
    func payload(_ name: String, _ json: String) throws -> String { try replace(name, json, in: good.payload) }

    private func replace(_ name: String, _ json: String, in text: String) throws -> String {
        guard let start = text.range(of: "\"\(name)\":"),
            let end = text[start.upperBound...].range(
                of: "[^,\\[\"]*(\\[[^\\]]*\\]|\"[^\"]*\")?", options: .regularExpression)
        else { throw UnexpectedReply("no \(name) in \(text)") }
        return text.replacingCharacters(in: end, with: json)
    }

    /// The server's RSA key as SubjectPublicKeyInfo, which is what a PEM file of it holds.
    func subjectPublicKeyInfo() throws -> [UInt8] {
        guard case .rsa(let modulus, [1, 0, 1]) = try privateKey.publicKey.components(), modulus.count == 256 else {
            throw UnexpectedReply("not the RSA key that was expected")
        }
        let prefix = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
        guard let head = Data(base64Encoded: prefix) else { throw UnexpectedReply("no prefix") }
        return Array(head) + modulus + [0x02, 0x03, 0x01, 0x00, 0x01]
    }

    static func hmac(_ secret: [UInt8]) -> ([UInt8]) throws -> [UInt8] {
        { try HMACSHA256Key(SecretBytes(copying: secret)).authenticate($0) }
    }
}
