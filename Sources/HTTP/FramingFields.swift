/// What the fields say that decide where a request ends and whether another may follow (RFC 9112 sections 6 and 9).
/// Whatever two parties could read differently is refused.
struct FramingFields: Sendable {
    private(set) var saysClose = false
    private(set) var expectsContinue = false
    private var length: Int?
    private var isChunked = false

    /// `1*DIGIT`, once (RFC 9112 section 6.3: a list of equal values may be refused, and is).
    mutating func contentLength(_ value: UnsafeRawBufferPointer) throws(RequestError) {
        guard length == nil else { throw .malformed("the Content-Length field is repeated") }
        guard let length = decimal(value) else { throw .malformed("the Content-Length field is not a number") }
        if isChunked { throw .malformed("both Content-Length and Transfer-Encoding are given") }
        self.length = length
    }

    /// Exactly `chunked`, once, from HTTP/1.1 on (RFC 9112 section 6.1).
    mutating func transferEncoding(_ value: UnsafeRawBufferPointer, version: Version) throws(RequestError) {
        guard version == .http11 else { throw .malformed("Transfer-Encoding does not exist in HTTP/1.0") }
        guard !isChunked else { throw .malformed("the Transfer-Encoding field is repeated") }
        guard value.equalsIgnoringCase("chunked") else {
            // A coding that we lack under a sound framing is answered 501; all else has no certain end.
            throw endsChunked(value)
                ? RequestError(.notImplemented, "the transfer coding is not known")
                : .malformed("the last transfer coding is not chunked")
        }
        if length != nil { throw .malformed("both Content-Length and Transfer-Encoding are given") }
        isChunked = true
    }

    mutating func connection(_ value: UnsafeRawBufferPointer) {
        var options = ListElements(value)
        while let option = options.next() {
            if option.equalsIgnoringCase("close") { saysClose = true }
        }
    }

    /// The only expectation there is (RFC 9110 section 10.1.1).
    mutating func expect(_ value: UnsafeRawBufferPointer) throws(RequestError) {
        guard value.equalsIgnoringCase("100-continue") else {
            throw RequestError(.expectationFailed, "the only expectation known is 100-continue")
        }
        expectsContinue = true
    }

    func body(limit: Int) throws(RequestError) -> BodyFraming {
        if isChunked { return .chunked }
        guard let length else { return .none }
        guard length <= limit else { throw RequestError(.contentTooLarge, "the request body is too large") }
        return .length(length)
    }

    /// `chunked` last and only there, after codings that are tokens.
    private func endsChunked(_ value: UnsafeRawBufferPointer) -> Bool {
        var codings = ListElements(value)
        var chunkedCount = 0
        var isLast = false
        while let coding = codings.next() {
            guard !coding.isEmpty, coding.allSatisfy(isTokenCharacter) else { return false }
            isLast = coding.equalsIgnoringCase("chunked")
            chunkedCount += isLast ? 1 : 0
        }
        return isLast && chunkedCount == 1
    }
}

/// Digits only, within Int; nil otherwise.
func decimal(_ text: UnsafeRawBufferPointer) -> Int? {
    guard !text.isEmpty else { return nil }
    var value = 0
    for byte in text {
        guard isDigit(byte) else { return nil }
        let (product, productOverflows) = value.multipliedReportingOverflow(by: 10)
        let (sum, sumOverflows) = product.addingReportingOverflow(Int(byte &- 0x30))
        guard !productOverflows && !sumOverflows else { return nil }
        value = sum
    }
    return value
}

/// The elements between commas, without the white space around them (RFC 9110 section 5.6.1).
struct ListElements {
    private var rest: UnsafeRawBufferPointer?

    init(_ value: UnsafeRawBufferPointer) { rest = value }

    mutating func next() -> UnsafeRawBufferPointer? {
        guard let list = rest else { return nil }
        guard let comma = list.firstIndex(of: UInt8(ascii: ",")) else {
            rest = nil
            return list.trimmingBlanks
        }
        rest = UnsafeRawBufferPointer(rebasing: list[(comma + 1)...])
        return UnsafeRawBufferPointer(rebasing: list[..<comma]).trimmingBlanks
    }
}
