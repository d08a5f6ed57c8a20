/// `method SP request-target SP HTTP-version` (RFC 9112 section 3).
enum RequestLine {
    /// Longer names are refused: the longest registered one has 17 letters.
    static let longestMethod = 32

    /// Reads the line in `start..<end`, which has no CRLF. With `isWhole` false only the beginning is there, longer
    /// than any good method and target: it is refused for what the whole line would be.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, targetLimit: Int, isWhole: Bool,
        into head: inout RequestHead
    ) throws(RequestError) {
        guard let base = bytes.baseAddress else { return }
        var position = start
        while position < end, isTokenCharacter(base.load(fromByteOffset: position, as: UInt8.self)),
            position &- start <= longestMethod
        {
            position &+= 1
        }
        head.method = try method(UnsafeRawBufferPointer(start: base + start, count: position &- start))
        guard position < end, base.load(fromByteOffset: position, as: UInt8.self) == 0x20 else {
            throw .malformed("the request line has no method and target")
        }
        let targetStart = position &+ 1
        position = targetStart
        var queryStart = 0
        while position < end {
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            guard isTargetCharacter(byte) else { break }
            if byte == UInt8(ascii: "?") && queryStart == 0 { queryStart = position &+ 1 }
            guard position &- targetStart < targetLimit else {
                throw RequestError(.uriTooLong, "the request target is too long")
            }
            position &+= 1
        }
        guard isWhole || position < end else { return }
        guard position > targetStart, position < end, base.load(fromByteOffset: position, as: UInt8.self) == 0x20 else {
            throw .malformed("the request target is missing or holds a character that is not allowed")
        }
        guard isWhole else { return }
        head.version = try version(UnsafeRawBufferPointer(start: base + position + 1, count: end &- position &- 1))
        head.target = ByteRange(targetStart, position)
        let pathEnd = queryStart == 0 ? position : queryStart &- 1
        if queryStart != 0 { head.query = ByteRange(queryStart, position) }
        head.path = ByteRange(targetStart, pathEnd)
        if base.load(fromByteOffset: targetStart, as: UInt8.self) != UInt8(ascii: "/") {
            try otherForms(bytes, into: &head)
        }
    }

    /// Names in lower case are tokens too, but nobody's methods: refused, so that `get` is never taken for `GET`.
    @inline(__always)
    private static func method(_ name: UnsafeRawBufferPointer) throws(RequestError) -> Method {
        switch name.count {
        case 3:
            if name.equals("GET") { return .get }
            if name.equals("PUT") { return .put }
        case 4:
            if name.equals("POST") { return .post }
            if name.equals("HEAD") { return .head }
        case 5:
            if name.equals("PATCH") { return .patch }
            if name.equals("TRACE") { return .trace }
        case 6: if name.equals("DELETE") { return .delete }
        case 7:
            if name.equals("OPTIONS") { return .options }
            if name.equals("CONNECT") { throw RequestError(.notImplemented, "this server is no tunnel") }
        default: break
        }
        guard !name.isEmpty else { throw .malformed("the request line does not begin with a method") }
        guard name.count <= longestMethod, !name.contains(where: { 0x61...0x7A ~= $0 }) else {
            throw RequestError(.notImplemented, "the request method is not known")
        }
        return .other
    }

    @inline(__always)
    private static func version(_ text: UnsafeRawBufferPointer) throws(RequestError) -> Version {
        if text.equals("HTTP/1.1") { return .http11 }
        guard text.count == 8, UnsafeRawBufferPointer(rebasing: text[..<5]).equals("HTTP/"),
            isDigit(text[5]), text[6] == UInt8(ascii: "."), isDigit(text[7])
        else { throw .malformed("the request line does not end with an HTTP version") }
        guard text[5] == UInt8(ascii: "1") else {
            throw RequestError(.versionNotSupported, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        }
        return text[7] == UInt8(ascii: "0") ? .http10 : .http11
    }

    /// The asterisk and the absolute form (RFC 9112 sections 3.2.2 and 3.2.4).
    private static func otherForms(
        _ bytes: UnsafeRawBufferPointer, into head: inout RequestHead
    ) throws(RequestError) {
        let target = head.target.of(bytes)
        if target.equals("*") {
            guard head.method == .options else { throw .malformed("only OPTIONS may ask about *") }
            return
        }
        guard let authority = Authority.inAbsoluteForm(target) else {
            throw .malformed("the request target is neither a path nor an http or https URI")
        }
        let targetStart = Int(head.target.start)
        let authorityEnd = targetStart + authority.upperBound
        let pathEnd = Int(head.path.start + head.path.count)
        if authorityEnd < pathEnd {
            head.path = ByteRange(authorityEnd, pathEnd)
        } else {
            // No path means "/": the second slash before the authority stands for it.
            head.path = ByteRange(targetStart + authority.lowerBound - 1, targetStart + authority.lowerBound)
        }
    }
}
