import Auth
import HTTP
import HTTPServer
import JSON
import Reactor

/// `POST /api/v1/auth/login`: OAuth2 password form or JSON in, a pair of tokens out.
struct LoginRoute: Sendable {
    let service: LoginService
    let cookie: RefreshCookie
    /// Counts refusals by rule.
    let throttled: CounterTable

    func respond(to request: Request, _ exchange: Exchange) async throws(Refusal) -> Response {
        let fields = try RequestFields(request)
        if let grantType = try fields.string("grant_type"), grantType != "password" {
            throw Refusal(.unsupportedGrantType, "grant_type must be password or absent.")
        }
        let delivery = try TokenDelivery(fields)
        if delivery == .cookie { try cookie.checkSite(of: request) }
        let device = try PresentedDevice(request, fields, cookie)
        let login = LoginRequest(
            username: try fields.requiredString("username"), password: try fields.requiredString("password"),
            address: exchange.client.clientAddress, deviceCredential: device.text,
            requestID: exchange.requestID.description)
        switch await service.login(login) {
        case .granted(let tokens): return try TokenReply.response(tokens, delivery, cookie, device)
        case .refused: throw Refusal(.invalidCredentials, "Unknown user or wrong password.")
        case .passwordTooLong: throw Refusal(.invalidBody, "password must be at most 1024 bytes.")
        case .throttled(let rule, let wait):
            throttled.count(rule)
            throw .throttled(milliseconds: wait)
        case .overloaded(let wait): throw .overloaded(milliseconds: wait)
        case .unavailable: throw .unavailable
        }
    }
}

/// Where the refresh token goes.
enum TokenDelivery: Sendable {
    case body, cookie

    init(_ fields: RequestFields) throws(Refusal) {
        switch try fields.string("token_delivery") {
        case nil, "body": self = .body
        case "cookie": self = .cookie
        default: throw Refusal(.invalidBody, "token_delivery must be body or cookie.")
        }
    }
}

/// The reply to a login or a refresh (RFC 6749 section 5.1).
enum TokenReply {
    static func response(
        _ tokens: SessionTokens, _ delivery: TokenDelivery, _ cookie: RefreshCookie, _ device: PresentedDevice? = nil
    ) throws(Refusal) -> Response {
        var json = JSONWriter(reservingCapacity: tokens.accessToken.count + 400)
        json.beginObject()
        json.key("access_token")
        json.string(String(decoding: tokens.accessToken, as: UTF8.self))
        if delivery == .body {
            json.key("refresh_token")
            json.string(tokens.refreshToken)
            if let credential = tokens.deviceCredential {
                json.key("device_token")
                json.string(credential)
            }
        }
        json.key("token_type")
        json.string("bearer")
        json.key("expires_in")
        json.integer(tokens.expiresInSeconds)
        if tokens.mustChangePassword {
            json.key("password_change_required")
            json.bool(true)
        }
        json.endObject()
        var response = Response.json(.ok, json.bytes)
        response.headers.append("Cache-Control", constant: "no-store")
        if delivery == .cookie {
            try cookie.set(tokens.refreshToken, on: &response)
            if let credential = tokens.deviceCredential, credential != device?.fromCookie {
                try DeviceCookie.set(credential, on: &response)
            }
        }
        return response
    }
}

extension SocketAddress {
    var clientAddress: ClientAddress {
        let (high, low) = halves
        return ClientAddress(ipv6High: high, low: low)
    }
}

extension Exchange {
    /// For the audit.
    var origin: RequestOrigin {
        RequestOrigin(address: client.clientAddress, requestID: requestID.description)
    }
}
