/// `uri-host [ ":" port ]` (RFC 9110 section 7.2, RFC 3986 section 3.2) in the Host field and in absolute targets.
enum Authority {
    /// Exactly one Host field from HTTP/1.1 on, well-formed, and the same as an absolute target's authority.
    static func check(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer) throws(RequestError) {
        let target = head.target.of(bytes)
        let authority = inAbsoluteForm(target).map { UnsafeRawBufferPointer(rebasing: target[$0]) }
        if let authority, !isValid(authority) { throw .malformed("the request target has no valid host and port") }
        guard let range = head.host.range else {
            if head.version == .http10 { return }
            throw .malformed("the Host field is missing")
        }
        guard head.host.count == 1 else { throw .malformed("the Host field is repeated") }
        let host = range.of(bytes)
        guard isValid(host) else { throw .malformed("the Host field is not a host and port") }
        if let authority, !areEqualIgnoringCase(authority, host) {
            throw .malformed("the Host field is not the target's host and port")
        }
    }

    /// Where the authority stands in an `http` or `https` URI; nil for every other target.
    static func inAbsoluteForm(_ target: UnsafeRawBufferPointer) -> Range<Int>? {
        let schemeEnd: Int
        if target.count > 7, UnsafeRawBufferPointer(rebasing: target[..<4]).equalsIgnoringCase("http"),
            UnsafeRawBufferPointer(rebasing: target[4..<7]).equals("://")
        {
            schemeEnd = 7
        } else if target.count > 8, UnsafeRawBufferPointer(rebasing: target[..<5]).equalsIgnoringCase("https"),
            UnsafeRawBufferPointer(rebasing: target[5..<8]).equals("://")
        {
            schemeEnd = 8
        } else {
            return nil
        }
        let rest = target[schemeEnd...]
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        return schemeEnd..<end
    }

    static func isValid(_ authority: UnsafeRawBufferPointer) -> Bool {
        guard let base = authority.baseAddress, !authority.isEmpty else { return false }
        var position = 0
        if authority[0] == UInt8(ascii: "[") {
            guard let end = authority.firstIndex(of: UInt8(ascii: "]")), isAddress(authority[1..<end]) else {
                return false
            }
            position = end + 1
        } else {
            while position < authority.count, isHostCharacter(base.load(fromByteOffset: position, as: UInt8.self)) {
                position &+= 1
            }
            while position < authority.count, authority[position] != UInt8(ascii: ":") {
                guard let next = afterEncodedCharacter(authority, position) else { return false }
                position = next
            }
            guard position > 0 else { return false }
        }
        return position == authority.count
            || authority[position] == UInt8(ascii: ":") && isPort(authority[(position + 1)...])
    }

    private static func afterEncodedCharacter(_ text: UnsafeRawBufferPointer, _ position: Int) -> Int? {
        if isHostCharacter(text[position]) { return position + 1 }
        guard text[position] == UInt8(ascii: "%"), text.count - position >= 3,
            hexadecimalDigit(text[position + 1]) != nil, hexadecimalDigit(text[position + 2]) != nil
        else { return nil }
        return position + 3
    }

    /// What stands in the brackets of an IPv6 literal: by its characters and length, not by its meaning.
    private static func isAddress(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        (2...45).contains(text.count) && text.contains(UInt8(ascii: ":"))
            && text.allSatisfy { hexadecimalDigit($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
    }

    /// May be empty (RFC 3986 section 3.2.3).
    private static func isPort(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard text.count <= 5, text.allSatisfy(isDigit) else { return false }
        return text.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } <= 65535
    }

    private static func areEqualIgnoringCase(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        func lowercase(_ byte: UInt8) -> UInt8 { 0x41...0x5A ~= byte ? byte | 0x20 : byte }
        return left.count == right.count && zip(left, right).allSatisfy { lowercase($0) == lowercase($1) }
    }
}
