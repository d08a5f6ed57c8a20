/// A whole request with its bytes, for handlers that outlive the connection's buffer.
package struct Request: Sendable {
    package let head: RequestHead
    package let headBytes: [UInt8]
    package var body: [UInt8]

    /// `bytes` begin with the request's first byte and hold at least its head.
    package init(_ head: RequestHead, in bytes: UnsafeRawBufferPointer, body: [UInt8] = []) {
        self.head = head
        headBytes = Array(bytes.prefix(head.length))
        self.body = body
    }

    package var method: Method { head.method }

    /// Raw: never decoded, never normalized. ASCII.
    package var path: String { text(head.path) }

    /// Raw, without the `?`; nil when there is none. ASCII.
    package var query: String? { head.query.map(text) }

    /// The first field of that name; nil when there is none.
    package func field(_ lowercaseName: StaticString) -> String? {
        headBytes.withUnsafeBytes { bytes in head.value(of: lowercaseName, in: bytes).range }.map(text)
    }

    /// A part of the head. Bytes beyond ASCII that are no UTF-8 come out as U+FFFD.
    package func text(_ range: ByteRange) -> String {
        headBytes.withUnsafeBytes { bytes in String(decoding: range.of(bytes), as: UTF8.self) }
    }

    package func withBytes<Result, Failure: Error>(
        of range: ByteRange, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try headBytes.span.bytes.withUnsafeBytes { (bytes) throws(Failure) -> Result in try body(range.of(bytes)) }
    }

    /// The media type of the body in lower case, without its parameters (RFC 9110 section 8.3.1); nil when the field is
    /// absent or repeated.
    package var mediaType: String? {
        guard head.contentType.count == 1, let range = head.contentType.range else { return nil }
        return withBytes(of: range) { value in
            let type = UnsafeRawBufferPointer(rebasing: value.prefix { $0 != UInt8(ascii: ";") }).trimmingBlanks
            return String(decoding: type, as: UTF8.self).lowercased()
        }
    }
}
