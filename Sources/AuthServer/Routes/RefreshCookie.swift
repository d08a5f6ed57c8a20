import HTTP

/// The refresh token in a cookie (RFC 6265bis section 4.1.3.2: `__Host-` means Secure, Path=/ and no Domain), and the
/// rule for every request that rests on it.
struct RefreshCookie: Sendable {
    private static let name: StaticString = "__Host-portcullis-refresh"

    /// Origins besides our own whose pages may use it.
    let allowedOrigins: [String]
    let maximumAgeSeconds: Int64

    /// Whether the browser has one: also when it is malformed or repeated, which clearing mends.
    func isCarried(by request: Request) -> Bool {
        guard let range = request.head.cookie.range else { return false }
        return request.withBytes(of: range) { CookieHeader.find(RefreshCookie.name, in: $0) != .absent }
    }

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
        guard isOfOwnSite(request) else {
            throw Refusal(.crossSite, "A cookie is accepted only from pages of the same origin or of an allowed one.")
        }
    }

    /// `Origin: null` is nobody's page: sandboxed frames, files and data URLs all send it.
    func isOfOwnSite(_ request: Request) -> Bool {
        let head = request.head
        guard head.origin.count <= 1, head.secFetchSite.count <= 1 else { return false }
        if let origin = head.origin.range.map(request.text) {
            if allowedOrigins.contains(origin) { return true }
            if origin == "null" { return false }
        }
        return head.secFetchSite.range.map(request.text) == "same-origin"
    }

    func set(_ token: String, on response: inout Response) throws(Refusal) {
        try write("\(token); Path=/; Max-Age=\(maximumAgeSeconds)", on: &response)
    }

    func clear(on response: inout Response) throws(Refusal) { try write("; Path=/; Max-Age=0", on: &response) }

    private func write(_ value: String, on response: inout Response) throws(Refusal) {
        try response.appendCookie("\(RefreshCookie.name)=\(value)")
    }
}

extension Response {
    /// `cookie` is name, value and the attributes that differ; of all of ours no script and no other site has a use.
    mutating func appendCookie(_ cookie: String) throws(Refusal) {
        do throws(InvalidFieldValue) {
            try headers.append("Set-Cookie", "\(cookie); HttpOnly; Secure; SameSite=Strict")
        } catch {
            throw .unavailable
        }
    }
}
