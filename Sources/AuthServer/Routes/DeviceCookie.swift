import Auth
import HTTP

/// The device credential in a cookie, for browsers whose refresh token is in one as well.
enum DeviceCookie {
    private static let name: StaticString = "__Host-portcullis-device"

    /// The value; nil without a cookie, and when it cannot be said which it is or it is none: the device is an unknown one
    /// then, and gets a new cookie at a success.
    static func value(of request: Request) -> String? {
        guard let range = request.head.cookie.range, request.head.cookie.count == 1 else { return nil }
        return request.withBytes(of: range) { field in
            guard case .value(let range) = CookieHeader.find(DeviceCookie.name, in: field) else { return nil }
            return String(decoding: range.of(field), as: UTF8.self)
        }
    }

    static func set(_ credential: String, on response: inout Response) throws(Refusal) {
        try response.appendCookie("\(name)=\(credential); Path=/; Max-Age=\(DeviceCredential.lifetimeSeconds)")
    }
}

/// What a request shows of its device. The one in the body goes before a cookie, which a browser adds unasked.
struct PresentedDevice: Sendable {
    /// Nil without one.
    let text: String?
    /// What the browser has already.
    let fromCookie: String?

    /// A cookie counts only from our own pages and the allowed ones, as every cookie of ours; from any other it is passed
    /// over, since a request without a known device is a good one.
    init(_ request: Request, _ fields: RequestFields, _ site: RefreshCookie) throws(Refusal) {
        fromCookie = site.isOfOwnSite(request) ? DeviceCookie.value(of: request) : nil
        text = try fields.string("device_token") ?? fromCookie
    }
}
