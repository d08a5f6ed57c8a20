import Auth
import AuthServer
import Foundation
import JSON
import JWT
import OpenSSL
import Reactor
import TestSupport
import Testing

/// Keys rotate while clients log in, refresh and verify, and others verify with the JWKS they keep.
@Suite(.timeLimit(.minutes(5))) struct KeyRotationLoadTests {
    private static let target = "/.well-known/jwks.json"
    private static let publicationMilliseconds: Int64 = 600
    private static let keptMilliseconds: Int64 = 300

    /// A verifier of another service: keeps the JWKS for a while and fetches it no earlier, whatever it meets.
    private struct Follower {
        private var verifier: AccessTokenVerifier?
        private var keptUntil = MonotonicTime.now
        private(set) var fetches = 0

        /// Nil for a good token, else why not.
        mutating func refusal(of token: String, _ client: RawClient) throws -> TokenError? {
            if verifier == nil || MonotonicTime.now >= keptUntil {
                keptUntil = .now.adding(milliseconds: KeyRotationLoadTests.keptMilliseconds)
                verifier = try Follower.verifier(client.get(KeyRotationLoadTests.target))
                fetches += 1
            }
            do throws(TokenError) {
                _ = try verifier?.verify(Array(token.utf8), now: wallClockMilliseconds() / 1000)
                return nil
            } catch {
                return error
            }
        }

        /// Of a JWKS with keys of P-256 (RFC 7518 section 6.2).
        private static func verifier(_ reply: RawClient.Reply) throws -> AccessTokenVerifier {
            let keys = try (reply.object?["keys"]?.array ?? []).compactMap(\.object).map { jwk in
                func bytes(_ name: String) -> [UInt8] {
                    jwk[name]?.string.flatMap { Base64URL.decode(Array($0.utf8)) } ?? []
                }
                return try TokenVerificationKey(
                    keyID: try #require(jwk["kid"]?.string), algorithm: .es256,
                    publicKey: PublicKey(.p256(x: bytes("x"), y: bytes("y"))))
            }
            return try AccessTokenVerifier(
                keys: keys, issuer: "portcullis", audience: "portcullis", leewaySeconds: 0)
        }
    }

    private final class Load: Sendable {
        let isOver = Lock(false)
        let keys = Lock<Set<String>>([])
        let rounds = Lock(0)
    }

    /// One client on its own connection until the load is over: everything it asks for must be granted.
    @concurrent private static func use(_ server: RawClient, _ load: Load) async throws {
        var follower = Follower()
        var held = try server.loginAsAdmin()
        let first = held.access
        while !load.isOver.withLock({ $0 }) {
            held = try server.refresh(held.refresh).tokens()
            let fresh = try server.loginAsAdmin()
            for token in [first, held.access, fresh.access] {
                #expect(try server.verify(token) == 200)
                #expect(try follower.refusal(of: token, server) == nil)
                let key = try keyID(of: token)
                load.keys.withLock { _ = $0.insert(key) }
            }
            #expect(try server.post("/api/v1/auth/logout", token: fresh.access).status == 204)
            load.rounds.withLock { $0 += 1 }
            // Reading blocks: with as many clients as threads nobody else would get a turn.
            await Task.yield()
        }
        #expect(follower.fetches > 1)
    }

    @Test func `planned rotations under load show nobody a 401 and no JWKS client an unknown key`() async throws {
        try await APIServer.run {
            $0.keyRing.publicationMilliseconds = KeyRotationLoadTests.publicationMilliseconds
            $0.refreshGraceSeconds = 0
        } _: { server in
            let admin = try Administrator(server)
            let load = Load()
            let clients = try (0..<2).map { _ in try server.client() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients { group.addTask { try await KeyRotationLoadTests.use(client, load) } }
                group.addTask {
                    defer { load.isOver.withLock { $0 = true } }
                    for _ in 0..<4 { try await KeyRotationLoadTests.rotate(admin) }
                }
                try await group.waitForAll()
            }
            #expect(load.keys.withLock { $0.count } >= 4)
            #expect(load.rounds.withLock { $0 } > 20)
        }
    }

    /// As soon as it is allowed.
    @concurrent private static func rotate(_ admin: Administrator) async throws {
        let body = #"{"kid":"\#(try admin.activeKey())"}"#
        var replies: [RawClient.Reply] = []
        await until("no rotation") {
            do { replies.append(try admin.rotate(body)) } catch { return true }
            return replies.last?.status != 409
        }
        #expect(replies.last?.isRotated == true, "\(replies.last?.text ?? "no answer")")
    }
}
