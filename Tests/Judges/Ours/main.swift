import Glibc
import JSON
import JWT
import OpenSSL

// Our own side of the exchange with other JWT libraries, with the command line that the judges have:
//
//     TokenExchange verify JWKS_FILE TOKEN_FILE ISSUER AUDIENCE
//     TokenExchange mint FOLDER ISSUER AUDIENCE
//
// verify prints the claims and exits 0, or says why not and exits 1. Any other exit code means that it is broken.

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func read(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw Failure("cannot open \(path)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw Failure("cannot read \(path)") }
        if count == 0 { return bytes }
        bytes += buffer[..<count]
    }
}

func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw Failure("cannot create \(path)") }
    defer { close(descriptor) }
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { throw Failure("cannot write \(path)") }
}

/// The keys of a JWK Set (RFC 7517), each bound to the algorithm it names.
func keys(of document: [UInt8]) throws -> [TokenVerificationKey] {
    guard let list = try JSONValue(parsing: document).object?["keys"]?.array else { throw Failure("not a JWK Set") }
    return try list.map { item in
        guard let jwk = item.object else { throw Failure("not a JWK") }
        func text(_ name: String) throws -> String {
            guard let value = jwk[name]?.string else { throw Failure("a JWK without \(name)") }
            return value
        }
        func bytes(_ name: String) throws -> [UInt8] {
            guard let value = Base64URL.decode(Array(try text(name).utf8)) else { throw Failure("a JWK's bad \(name)") }
            return value
        }
        guard let algorithm = SigningAlgorithm(rawValue: try text("alg")) else { throw Failure("a JWK's bad alg") }
        let components: PublicKey.Components =
            switch try text("kty") {
            case "RSA": .rsa(modulus: try bytes("n"), exponent: try bytes("e"))
            case "EC": .p256(x: try bytes("x"), y: try bytes("y"))
            default: .ed25519(try bytes("x"))
            }
        return try TokenVerificationKey(
            keyID: try text("kid"), algorithm: algorithm, publicKey: PublicKey(components))
    }
}

func verify(jwks: String, token: String, issuer: String, audience: String) throws {
    let verifier = try AccessTokenVerifier(
        keys: try keys(of: read(jwks)), issuer: issuer, audience: audience, leewaySeconds: 0)
    let text = try read(token)
    do {
        _ = try verifier.verify(text, now: Int64(time(nil)))
    } catch {
        fail(error.rawValue, code: 1)
    }
    let payload = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)[1]
    print(String(decoding: Base64URL.decode(Array(payload)) ?? [], as: UTF8.self))
}

func mint(folder: String, issuer: String, audience: String) throws {
    let now = Int64(time(nil))
    func claims(at: Int64, issuer: String = issuer, audience: String = audience) throws -> AccessTokenClaims {
        func id() throws -> String { String(decoding: Base64URL.encode(try SecureRandom.bytes(16)), as: UTF8.self) }
        return AccessTokenClaims(
            issuer: issuer, audience: audience, subject: try id(), tokenID: try id(), sessionID: try id(),
            clientID: "portcullis", roles: ["admin", "reports:read"], issuedAt: at, notBefore: at - 5,
            expiresAt: at + 900, authTime: at, userVersion: 3, generation: 1)
    }
    let keys = try [SigningAlgorithm.rs256, .es256, .edDSA].map(TokenSigningKey.generate)
    try write(try JWKS.document(keys.map(\.verificationKey)), to: "\(folder)/jwks.json")
    for key in keys {
        let cases = [
            ("good", try claims(at: now)), ("expired", try claims(at: now - 960)), ("early", try claims(at: now + 960)),
            ("issuer", try claims(at: now, issuer: issuer + "/")),
            ("audience", try claims(at: now, audience: audience + "/")),
        ]
        for (name, claims) in cases {
            try write(try key.sign(claims), to: "\(folder)/\(key.algorithm.rawValue).\(name).token")
        }
    }
}

func fail(_ reason: String, code: Int32) -> Never {
    let line = Array((reason + "\n").utf8)
    _ = Glibc.write(STDERR_FILENO, line, line.count)
    exit(code)
}

let arguments = CommandLine.arguments
do {
    switch (arguments.dropFirst().first, arguments.count) {
    case ("verify", 6):
        try verify(jwks: arguments[2], token: arguments[3], issuer: arguments[4], audience: arguments[5])
    case ("mint", 5):
        try mint(folder: arguments[2], issuer: arguments[3], audience: arguments[4])
    default:
        fail("usage: verify JWKS_FILE TOKEN_FILE ISSUER AUDIENCE | mint FOLDER ISSUER AUDIENCE", code: 2)
    }
} catch {
    fail("\(error)", code: 2)
}
