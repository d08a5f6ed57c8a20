/// How a request's body ends (RFC 9112 section 6).
package enum BodyFraming: Sendable, Equatable {
    case none
    /// That many bytes, within the limit of a body.
    case length(Int)
    case chunked
}

package enum Version: UInt8, Sendable { case http10, http11 }

/// A request's head as offsets into the bytes that were parsed: plain memory, nothing to allocate, retain or free.
package struct RequestHead: Sendable, Equatable {
    package internal(set) var method = Method.get
    /// HTTP/1.2 and later count as 1.1 (RFC 9110 section 6.2).
    package internal(set) var version = Version.http11
    /// The target as it was sent.
    package internal(set) var target = ByteRange(start: 0, count: 0)
    /// The target's path, raw: never decoded, never normalized. `*` for the asterisk form, `/` for an absolute form
    /// without a path.
    package internal(set) var path = ByteRange(start: 0, count: 0)
    /// What follows the first `?`, raw; nil when there is none.
    package internal(set) var query: ByteRange?
    /// Bytes of the head, blank line included: the body begins there.
    package internal(set) var length = 0
    package internal(set) var fieldCount = 0
    package internal(set) var body = BodyFraming.none
    /// False for HTTP/1.0 and after `Connection: close` (RFC 9112 section 9.3).
    package internal(set) var keepAlive = true
    /// The client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
    package internal(set) var expectsContinue = false

    // Fields that somebody asks for on most requests, so that nobody searches for them again.
    package internal(set) var host = FieldValue()
    package internal(set) var authorization = FieldValue()
    package internal(set) var cookie = FieldValue()
    package internal(set) var contentType = FieldValue()
    package internal(set) var origin = FieldValue()
    package internal(set) var secFetchSite = FieldValue()
    package internal(set) var forwarded = FieldValue()
    package internal(set) var xForwardedFor = FieldValue()
    package internal(set) var xRequestID = FieldValue()

    /// End of the request line: the field lines begin there.
    var fieldsStart = 0

    init() {}

    /// Any other field, by its name in lower case; searches the head anew. `bytes` are those that were parsed.
    package func value(of lowercaseName: StaticString, in bytes: UnsafeRawBufferPointer) -> FieldValue {
        var result = FieldValue()
        forEachField(in: bytes) { name, value in
            if name.of(bytes).equalsIgnoringCase(lowercaseName) { result.add(value) }
        }
        return result
    }

    /// Name and value of every field line, in order.
    package func forEachField(in bytes: UnsafeRawBufferPointer, _ body: (ByteRange, ByteRange) -> Void) {
        var start = fieldsStart
        let end = min(length, bytes.count)
        while start < end, let lineFeed = bytes.lineFeed(from: start) {
            if let line = FieldLine(bytes, start, lineFeed - 1) { body(line.name, line.value) }
            start = lineFeed + 1
        }
    }
}
