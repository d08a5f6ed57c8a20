/// A kind of error that clients may rest on (RFC 9457): its `type` is `urn:portcullis:problem:` and the slug, and never
/// changes.
package struct Problem: Sendable {
    package let status: Status
    package let slug: StaticString
    package let title: StaticString

    package init(_ status: Status, _ slug: StaticString, _ title: StaticString) {
        self.status = status
        self.slug = slug
        self.title = title
    }

    package static let malformedRequest = Problem(.badRequest, "malformed-request", "Malformed request")
    package static let notFound = Problem(.notFound, "not-found", "Not found")
    package static let methodNotAllowed = Problem(.methodNotAllowed, "method-not-allowed", "Method not allowed")
    package static let requestTimeout = Problem(.requestTimeout, "request-timeout", "Request timeout")
    package static let contentTooLarge = Problem(.contentTooLarge, "content-too-large", "Content too large")
    package static let uriTooLong = Problem(.uriTooLong, "uri-too-long", "Request target too long")
    package static let expectationFailed = Problem(.expectationFailed, "expectation-failed", "Expectation failed")
    package static let headTooLarge = Problem(.requestHeaderFieldsTooLarge, "head-too-large", "Request head too large")
    package static let internalError = Problem(.internalServerError, "internal-error", "Internal error")
    package static let notImplemented = Problem(.notImplemented, "not-implemented", "Not implemented")
    package static let unavailable = Problem(.serviceUnavailable, "unavailable", "Service unavailable")
    package static let versionNotSupported = Problem(
        .versionNotSupported, "version-not-supported", "HTTP version not supported")

    /// What a refused request is answered with.
    package init(_ error: RequestError) {
        switch error.status {
        case .requestTimeout: self = .requestTimeout
        case .contentTooLarge: self = .contentTooLarge
        case .uriTooLong: self = .uriTooLong
        case .expectationFailed: self = .expectationFailed
        case .requestHeaderFieldsTooLarge: self = .headTooLarge
        case .notImplemented: self = .notImplemented
        case .versionNotSupported: self = .versionNotSupported
        case .serviceUnavailable: self = .unavailable
        default: self = .malformedRequest
        }
    }
}

extension Response {
    /// `application/problem+json` with `type`, `title`, `status`, `detail` (unless empty) and `request_id`.
    package static func problem(_ problem: Problem, detail: String = "", requestID: RequestID) -> Response {
        var body: [UInt8] = []
        body.reserveCapacity(256 + detail.utf8.count)
        body.append(contentsOf: #"{"type":"urn:portcullis:problem:\#(problem.slug)","title":"\#(problem.title)""#.utf8)
        body.append(contentsOf: #","status":\#(problem.status.code)"#.utf8)
        if !detail.isEmpty {
            body.append(contentsOf: #","detail":""#.utf8)
            appendEscaped(detail, to: &body)
            body.append(UInt8(ascii: "\""))
        }
        body.append(contentsOf: #","request_id":"\#(requestID)"}"#.utf8)
        var response = Response(problem.status, contentType: "application/problem+json", body: body)
        response.problem = problem.slug
        return response
    }

    /// The answer to a request that was refused while it was read; closes the connection.
    package static func refusal(_ error: RequestError, requestID: RequestID) -> Response {
        var response = problem(Problem(error), detail: error.detail.description, requestID: requestID)
        response.closesConnection = true
        if error.status == .serviceUnavailable { response.headers.append("Retry-After", constant: "1") }
        return response
    }

    /// As a JSON string's content (RFC 8259 section 7).
    private static func appendEscaped(_ text: String, to bytes: inout [UInt8]) {
        let digits: StaticString = "0123456789abcdef"
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case ..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(digits.utf8Start[Int(byte >> 4)])
                bytes.append(digits.utf8Start[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
    }
}
