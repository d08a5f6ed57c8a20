/// Reads request heads (RFC 9112), strictly. One per connection; plain memory.
///
/// It goes on where it stopped, line by line, so a slow client costs as much as a fast one, and what it says of a head
/// does not depend on how the head was cut: each line is judged once, when it is whole, from left to right.
package struct RequestParser: Sendable {
    /// Good once `parse` has returned true, until `reset()`.
    package private(set) var head = RequestHead()

    private let limits: Limits
    /// First byte of the line being received.
    private var lineStart = 0
    /// Everything before was searched for a line's end.
    private var scanned = 0
    private var hasRequestLine = false
    private var framing = FramingFields()

    package init(limits: Limits) { self.limits = limits }

    /// Forgets the head, for the next request. Its bytes begin at offset 0 again.
    package mutating func reset() { self = RequestParser(limits: limits) }

    /// Takes everything received from the request's first byte on, the bytes of earlier calls included; they may have
    /// moved. Returns whether the head is complete; `head.length` says where the rest begins.
    ///
    /// A line's errors are thrown once the line is whole, a limit's as soon as it is passed. After an error the parser
    /// is of no more use and the connection must close.
    package mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(RequestError) -> Bool {
        if head.length > 0 { return true }
        let window = min(bytes.count, limits.headBytes)
        let received = UnsafeRawBufferPointer(rebasing: bytes[..<window])
        while let lineFeed = received.lineFeed(from: scanned) {
            let start = lineStart
            lineStart = lineFeed &+ 1
            scanned = lineStart
            guard lineFeed > start, received[lineFeed &- 1] == 0x0D else {
                if !hasRequestLine { try checkBeginning(bytes, start, lineFeed) }
                throw .malformed("a line ends without a carriage return")
            }
            let end = lineFeed &- 1
            if !hasRequestLine {
                try requestLine(bytes, start, end)
            } else if end > start {
                try fieldLine(bytes, start, end)
            } else {
                head.length = lineStart
                try finish(bytes)
                return true
            }
        }
        scanned = window
        try checkUnfinished(bytes, window)
        return false
    }

    private mutating func requestLine(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) throws(RequestError) {
        if end == start {
            // One empty line before the request line is left over by some old clients (RFC 9112 section 2.2).
            guard start == 0 else { throw .malformed("more than one empty line before the request line") }
            return
        }
        try RequestLine.parse(bytes, start, end, targetLimit: limits.targetBytes, isWhole: true, into: &head)
        hasRequestLine = true
        head.fieldsStart = lineStart
    }

    @inline(__always)
    private mutating func fieldLine(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) throws(RequestError) {
        guard head.fieldCount < limits.headerFields else {
            throw RequestError(.requestHeaderFieldsTooLarge, "the request has too many header fields")
        }
        head.fieldCount &+= 1
        guard let line = FieldLine(bytes, start, end) else {
            throw .malformed(FieldLine.refusal(bytes, start, end))
        }
        try note(line.name.of(bytes), line.value, bytes)
    }

    /// Keeps what well-known fields say. The name is a token: never empty.
    @inline(__always)
    private mutating func note(
        _ name: UnsafeRawBufferPointer, _ value: ByteRange, _ bytes: UnsafeRawBufferPointer
    ) throws(RequestError) {
        guard let start = name.baseAddress else { return }
        switch name.count {
        case 4: if matchesIgnoringCase(start, "host") { head.host.add(value) }
        case 6:
            if matchesIgnoringCase(start, "cookie") {
                head.cookie.add(value)
            } else if matchesIgnoringCase(start, "origin") {
                head.origin.add(value)
            } else if matchesIgnoringCase(start, "expect") {
                try framing.expect(value.of(bytes))
            }
        case 9: if matchesIgnoringCase(start, "forwarded") { head.forwarded.add(value) }
        case 10: if matchesIgnoringCase(start, "connection") { framing.connection(value.of(bytes)) }
        case 12:
            if matchesIgnoringCase(start, "content-type") {
                head.contentType.add(value)
            } else if matchesIgnoringCase(start, "x-request-id") {
                head.xRequestID.add(value)
            }
        case 13: if matchesIgnoringCase(start, "authorization") { head.authorization.add(value) }
        case 14:
            if matchesIgnoringCase(start, "content-length") {
                try framing.contentLength(value.of(bytes))
            } else if matchesIgnoringCase(start, "sec-fetch-site") {
                head.secFetchSite.add(value)
            }
        case 15: if matchesIgnoringCase(start, "x-forwarded-for") { head.xForwardedFor.add(value) }
        case 17:
            if matchesIgnoringCase(start, "transfer-encoding") {
                try framing.transferEncoding(value.of(bytes), version: head.version)
            }
        default: break
        }
    }

    /// What can only be judged with all fields known.
    private mutating func finish(_ bytes: UnsafeRawBufferPointer) throws(RequestError) {
        try Authority.check(head, bytes)
        head.body = try framing.body(limit: limits.bodyBytes)
        head.keepAlive = head.version == .http11 && !framing.saysClose
        let expectsBody = head.body != .none && head.body != .length(0)
        head.expectsContinue = framing.expectsContinue && expectsBody && head.version == .http11
    }

    /// What is certain of a head whose next line is not whole: the same that the whole line would be refused for.
    private func checkUnfinished(_ bytes: UnsafeRawBufferPointer, _ window: Int) throws(RequestError) {
        if !hasRequestLine && window > lineStart {
            let first = bytes[lineStart]
            let mayBeEmptyLine = first == 0x0D && window == lineStart + 1
            let isTooLong = window - lineStart > RequestLine.longestMethod + 1 + limits.targetBytes
            if !mayBeEmptyLine && !isTokenCharacter(first) || isTooLong {
                try checkBeginning(bytes, lineStart, window)
            }
        }
        guard window < limits.headBytes else {
            throw RequestError(.requestHeaderFieldsTooLarge, "the request head is too large")
        }
    }

    /// Throws what the beginning of a request line is refused for, if anything.
    private func checkBeginning(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int
    ) throws(RequestError) {
        var unfinished = head
        try RequestLine.parse(
            bytes, start, end, targetLimit: limits.targetBytes, isWhole: false, into: &unfinished)
    }
}
