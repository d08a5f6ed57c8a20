/// An answer as a handler makes it.
package struct Response: Sendable {
    package var status: Status
    package var headers = Headers()
    /// nil: no Content-Type is sent.
    package var contentType: StaticString?
    package var body: [UInt8]
    /// The connection ends behind this answer.
    package var closesConnection = false
    /// The end of the problem's type; nil when it is none. For the log.
    package var problem: StaticString?

    package init(_ status: Status, contentType: StaticString? = nil, body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    package static func json(_ status: Status, _ body: [UInt8]) -> Response {
        Response(status, contentType: "application/json", body: body)
    }
}
