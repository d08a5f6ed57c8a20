import Auth
import HTTP
import JSON
import JWT

/// `POST /api/v1/admin/tokens/inspect`, on the control socket alone: what verify would make of a token, and why. On the
/// main port nobody is told the reason.
struct TokenInspection: Sendable {
    let issuer: String
    let audience: String
    let keys: @Sendable () -> KeyRingSnapshot
    let revocations: @Sendable () -> RevocationSet

    func respond(_ call: AdminCall) throws(Refusal) -> Response {
        guard let text = try call.body().string("token") else { throw Refusal(.invalidBody, "token is required.") }
        let token = Array(text.utf8)
        let reason = try reason(against: token, at: call.now)
        let parts = token.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        return Response.object { json in
            json.key("active")
            json.bool(reason == nil)
            json.member("reason", reason)
            for (index, name) in ["header", "claims"].enumerated() {
                json.key(name)
                if parts.count == 3, let value = TokenInspection.shown(Array(parts[index])) {
                    json.value(value)
                } else {
                    json.null()
                }
            }
        }
    }

    /// Nil for a good token. By the code that verifies: the very same answer.
    private func reason(against token: [UInt8], at now: UnixTime) throws(Refusal) -> String? {
        let authenticator: TokenAuthenticator
        do throws(TokenKeyError) {
            authenticator = try TokenAuthenticator(
                keys: keys().verification, revocations: revocations(), issuer: issuer, audience: audience,
                limits: TokenCacheLimits(entries: 0, bytes: 0))
        } catch {
            throw .unavailable
        }
        return token.span.bytes.withUnsafeBytes { bytes in
            do throws(AuthenticationError) {
                _ = try authenticator.authenticate(bytes, now: now.seconds)
                return nil
            } catch {
                return error.reason
            }
        }
    }

    /// Whatever it says; nil when it is no JSON object.
    private static func shown(_ segment: [UInt8]) -> JSONValue? {
        guard segment.count <= TokenLimits.tokenBytes, let bytes = Base64URL.decode(segment) else { return nil }
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch { return nil }
        return value.object == nil ? nil : value
    }
}

extension AuthenticationError {
    /// For people: stable names.
    fileprivate var reason: String {
        guard case .invalid(let error) = self else { return "revoked" }
        return switch error {
        case .malformed: "malformed"
        case .oversized: "oversized"
        case .forbiddenHeader: "forbidden-header"
        case .wrongType: "type"
        case .unknownKey: "unknown-key"
        case .wrongAlgorithm: "algorithm"
        case .badSignature: "signature"
        case .invalidClaims: "claims"
        case .wrongIssuer: "issuer"
        case .wrongAudience: "audience"
        case .expired: "expired"
        case .notYetValid: "not-yet-valid"
        }
    }
}
