import HTTP

/// The refresh token in a cookie (RFC 6265bis section 4.1.3.2: `__Host-` means Secure, Path=/ and no Domain), and the
/// rule for every request that rests on it.
struct RefreshCookie: Sendable {
    private static let name: StaticString = "__Host-portcullis-refresh"

    /// Origins besides our own whose pages may use it.
    let allowedOrigins: [String]
    let maximumAgeSeconds: Int64

    /// The token, nil without a cookie.
    func token(of request: Request) throws(Refusal) -> String? {
        guard let range = request.head.cookie.range else { return nil }
        guard request.head.cookie.count == 1 else { throw Refusal(.malformedRequest, "The Cookie field is repeated.") }
        let match = request.withBytes(of: range) { value -> (CookieHeader.Match, String?) in
            let match = CookieHeader.find(RefreshCookie.name, in: value)
            guard case .value(let range) = match else { return (match, nil) }
            return (match, String(decoding: range.of(value), as: UTF8.self))
        }
        switch match.0 {
        case .absent: return nil
        case .value: return match.1
        case .repeated: throw Refusal(.malformedRequest, "The refresh cookie is there twice.")
        case .malformed: throw Refusal(.malformedRequest, "The refresh cookie is malformed.")
        }
    }

    /// Browsers send cookies along with requests that other sites cause; only our own pages and the allowed ones count.
    func checkSite(of request: Request) throws(Refusal) {
        let head = request.head
        if head.secFetchSite.count == 1, let range = head.secFetchSite.range, request.text(range) == "same-origin" {
            return
        }
        if head.origin.count == 1, let range = head.origin.range, allowedOrigins.contains(request.text(range)) {
            return
        }
        throw Refusal(.crossSite, "A cookie is accepted only from pages of the same origin or of an allowed one.")
    }

    func set(_ token: String, on response: inout Response) throws(InvalidFieldValue) {
        try response.headers.append(
            "Set-Cookie",
            "\(RefreshCookie.name)=\(token); Path=/; Max-Age=\(maximumAgeSeconds); HttpOnly; Secure; SameSite=Strict")
    }

    func clear(on response: inout Response) throws(InvalidFieldValue) {
        try response.headers.append(
            "Set-Cookie", "\(RefreshCookie.name)=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict")
    }
}
