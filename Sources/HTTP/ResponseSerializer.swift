/// An answer made ready once and written many times: status line and fixed fields are one block of bytes, then come
/// what changes (Date, X-Request-Id, Connection) and the body.
package struct PreparedResponse: Sendable {
    /// To the end of the Content-Length line.
    let block: [UInt8]
    let body: [UInt8]
    package let status: Status
    package let closesConnection: Bool
    /// The end of the problem's type; nil when it is none. For the log.
    package let problem: StaticString?

    /// From what was already written: `block` ends with the Content-Length line of `body`. Both are trusted.
    package init(_ status: Status, block: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        self.block = Array(block)
        self.body = Array(body)
        self.status = status
        closesConnection = false
        problem = nil
    }

    package init(_ response: Response) {
        var head = OutputBuffer()
        ResponseSerializer.writeFixedPart(of: response, to: &head)
        block = head.withBytes { Array($0) }
        body = response.status.forbidsContent ? [] : response.body
        status = response.status
        closesConnection = response.closesConnection
        problem = response.problem
    }
}

/// Responses to bytes (RFC 9112 section 4).
package enum ResponseSerializer {
    /// Interim answer to `Expect: 100-continue`.
    package static let continueLine: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

    /// Content-Length is always there, except where the status forbids content. `keepAlive` false, or an answer that
    /// closes, adds `Connection: close`. `headOnly`: the request was HEAD, the body stays here.
    package static func write(
        _ response: borrowing Response, to output: inout OutputBuffer, date: borrowing HTTPDate,
        requestID: borrowing RequestID, keepAlive: Bool, headOnly: Bool
    ) {
        writeFixedPart(of: response, to: &output)
        writeChangingPart(
            to: &output, date: date, requestID: requestID, keepAlive: keepAlive && !response.closesConnection)
        if !headOnly && !response.status.forbidsContent { output.append(response.body) }
    }

    package static func write(
        _ response: borrowing PreparedResponse, to output: inout OutputBuffer, date: borrowing HTTPDate,
        requestID: borrowing RequestID, keepAlive: Bool, headOnly: Bool
    ) {
        output.append(response.block)
        writeChangingPart(
            to: &output, date: date, requestID: requestID, keepAlive: keepAlive && !response.closesConnection)
        if !headOnly { output.append(response.body) }
    }

    /// What a `PreparedResponse` of `block` and `body` would be, without keeping it.
    package static func write(
        block: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, to output: inout OutputBuffer,
        date: borrowing HTTPDate, requestID: borrowing RequestID, keepAlive: Bool, headOnly: Bool
    ) {
        output.append(block)
        writeChangingPart(to: &output, date: date, requestID: requestID, keepAlive: keepAlive)
        if !headOnly { output.append(body) }
    }

    static func writeFixedPart(of response: borrowing Response, to output: inout OutputBuffer) {
        output.append("HTTP/1.1 ")
        output.append(decimal: Int(response.status.code))
        output.append(" ")
        output.append(response.status.reason)
        output.append("\r\n")
        output.append(response.headers.bytes)
        if response.status.forbidsContent { return }
        if let contentType = response.contentType {
            output.append("Content-Type: ")
            output.append(contentType)
            output.append("\r\n")
        }
        output.append("Content-Length: ")
        output.append(decimal: response.body.count)
        output.append("\r\n")
    }

    private static func writeChangingPart(
        to output: inout OutputBuffer, date: borrowing HTTPDate, requestID: borrowing RequestID, keepAlive: Bool
    ) {
        date.withLine { output.append($0) }
        output.append("X-Request-Id: ")
        requestID.withBytes { output.append($0) }
        output.append(keepAlive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
    }
}
