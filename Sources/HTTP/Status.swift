/// A status code with the words that go with it (RFC 9110 section 15). Two are equal when their codes are.
package struct Status: Sendable, Equatable {
    package let code: UInt16
    package let reason: StaticString

    package init(_ code: UInt16, _ reason: StaticString) {
        self.code = code
        self.reason = reason
    }

    package static func == (left: Status, right: Status) -> Bool { left.code == right.code }

    /// No body and no Content-Length may follow (RFC 9110 sections 8.6 and 15.3.5).
    package var forbidsContent: Bool { code < 200 || code == 204 || code == 304 }

    package static let `continue` = Status(100, "Continue")
    package static let ok = Status(200, "OK")
    package static let created = Status(201, "Created")
    package static let noContent = Status(204, "No Content")
    package static let notModified = Status(304, "Not Modified")
    package static let badRequest = Status(400, "Bad Request")
    package static let unauthorized = Status(401, "Unauthorized")
    package static let forbidden = Status(403, "Forbidden")
    package static let notFound = Status(404, "Not Found")
    package static let methodNotAllowed = Status(405, "Method Not Allowed")
    package static let requestTimeout = Status(408, "Request Timeout")
    package static let conflict = Status(409, "Conflict")
    package static let contentTooLarge = Status(413, "Content Too Large")
    package static let uriTooLong = Status(414, "URI Too Long")
    package static let unsupportedMediaType = Status(415, "Unsupported Media Type")
    package static let expectationFailed = Status(417, "Expectation Failed")
    package static let unprocessableContent = Status(422, "Unprocessable Content")
    package static let tooManyRequests = Status(429, "Too Many Requests")
    package static let requestHeaderFieldsTooLarge = Status(431, "Request Header Fields Too Large")
    package static let internalServerError = Status(500, "Internal Server Error")
    package static let notImplemented = Status(501, "Not Implemented")
    package static let serviceUnavailable = Status(503, "Service Unavailable")
    package static let versionNotSupported = Status(505, "HTTP Version Not Supported")
}
