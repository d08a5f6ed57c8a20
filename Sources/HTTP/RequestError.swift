/// Why a request was refused while it was read. The connection answers with a problem and closes: after any of these the
/// next request's first byte cannot be known.
package struct RequestError: Error, Sendable, Equatable {
    package let status: Status
    /// What was wrong, fit to be sent back: it holds nothing of the request.
    package let detail: StaticString

    package init(_ status: Status, _ detail: StaticString) {
        self.status = status
        self.detail = detail
    }

    static func malformed(_ detail: StaticString) -> RequestError { RequestError(.badRequest, detail) }

    package static func == (left: RequestError, right: RequestError) -> Bool {
        left.status == right.status && left.detail.description == right.detail.description
    }
}
