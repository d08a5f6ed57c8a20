import Auth
import HTTP
import JWT

/// The problems of this API, in one table. Types are stable; those of HTTP itself are in `HTTP.Problem`.
extension Problem {
    static let invalidCredentials = Problem(.unauthorized, "invalid-credentials", "Invalid credentials")
    static let invalidToken = Problem(.unauthorized, "invalid-token", "Invalid access token")
    static let missingToken = Problem(.unauthorized, "missing-token", "Access token required")
    static let ambiguousToken = Problem(
        .unauthorized, "invalid-request", "Access token sent in a way that is not accepted")
    static let insufficientScope = Problem(.forbidden, "insufficient-scope", "A required role is missing")
    static let invalidGrant = Problem(.unauthorized, "invalid-grant", "Refresh token refused")
    static let crossSite = Problem(.forbidden, "cross-site", "Request from another site")
    static let invalidBody = Problem(.badRequest, "invalid-body", "Invalid request body")
    static let unsupportedGrantType = Problem(.badRequest, "unsupported-grant-type", "Unsupported grant type")
    static let unsupportedMediaType = Problem(.unsupportedMediaType, "unsupported-media-type", "Unsupported media type")
    static let wrongPassword = Problem(.forbidden, "wrong-password", "Wrong password")
    static let passwordChanged = Problem(.conflict, "password-changed", "Password changed meanwhile")
    static let throttled = Problem(.tooManyRequests, "throttled", "Too many attempts")
    static let invalidParameter = Problem(.badRequest, "invalid-parameter", "Invalid parameter")
    static let lastAdministrator = Problem(.conflict, "last-administrator", "The last administrator")
    static let usernameTaken = Problem(.conflict, "username-taken", "Username taken")
    static let masterKeyFile = Problem(.conflict, "master-key-file", "The master key file cannot be used")
    static let tooEarly = Problem(.conflict, "too-early", "Too early")
    static let overloaded = Problem(.serviceUnavailable, "overloaded", "Too many logins at once")
}

/// A request that is refused with a problem.
struct Refusal: Error {
    let problem: Problem
    let detail: String
    var retryAfterSeconds: Int?
    /// The value of `WWW-Authenticate`; every 401 has one (RFC 9110 section 15.5.2).
    var challenge: StaticString?
    /// The access token names a key that is not in the ring at hand: another node may have made it.
    var isUnknownKey = false

    init(_ problem: Problem, _ detail: String = "", retryAfterSeconds: Int? = nil, challenge: StaticString? = nil) {
        self.problem = problem
        self.detail = detail
        self.retryAfterSeconds = retryAfterSeconds
        self.challenge = challenge ?? (problem.status == .unauthorized ? Challenge.bare : nil)
    }

    /// "I do not know": never a 401, always with `Retry-After` (design section 8).
    static let unavailable = Refusal(.unavailable, "Try again shortly.", retryAfterSeconds: 1)

    /// An access token that is not good.
    static func invalidToken(_ error: AuthenticationError) -> Refusal {
        var refusal = Refusal(.invalidToken, challenge: Challenge.invalidToken)
        refusal.isUnknownKey = error == .invalid(.unknownKey)
        return refusal
    }

    var isCrossSite: Bool { problem.slug.description == Problem.crossSite.slug.description }

    static func throttled(milliseconds wait: Int64) -> Refusal {
        Refusal(.throttled, "Try again later.", retryAfterSeconds: seconds(wait))
    }

    static func overloaded(milliseconds wait: Int64) -> Refusal {
        Refusal(.overloaded, "Try again later.", retryAfterSeconds: seconds(wait))
    }

    /// Rounded up: a client that waits as long as told is not told again.
    private static func seconds(_ milliseconds: Int64) -> Int {
        Int(clamping: max(0, milliseconds) / 1000) + 1
    }

    func response(_ requestID: RequestID) -> Response {
        var response = Response.problem(problem, detail: detail, requestID: requestID)
        if let retryAfterSeconds { response.headers.append("Retry-After", decimal: retryAfterSeconds) }
        if let challenge { response.headers.append("WWW-Authenticate", constant: challenge) }
        if problem.status != .notFound { response.headers.append("Cache-Control", constant: "no-store") }
        return response
    }
}

/// Values of `WWW-Authenticate` (RFC 6750 section 3).
enum Challenge {
    static let bare: StaticString = "Bearer realm=\"portcullis\""
    static let invalidToken: StaticString = "Bearer realm=\"portcullis\", error=\"invalid_token\""
    static let invalidRequest: StaticString = "Bearer realm=\"portcullis\", error=\"invalid_request\""
    static let insufficientScope: StaticString = "Bearer realm=\"portcullis\", error=\"insufficient_scope\""
}
