/// A number as RFC 8259 section 6 writes it: without fraction and exponent and within Int64 it is an integer.
package enum JSONNumber: Sendable, Equatable {
    case integer(Int64)
    case double(Double)
}

/// The lexical half of JSON: white space, strings, numbers and literals, one at a time, over bytes that outlive it.
struct JSONLexer {
    static let longestNumber = 256

    let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    func error(_ kind: JSONError.Kind) -> JSONError { JSONError(kind: kind, offset: position) }

    /// The next byte after white space, not consumed.
    @inline(__always)
    mutating func peek() throws(JSONError) -> UInt8 {
        skipWhitespace()
        guard position < bytes.count else { throw error(.unexpectedEnd) }
        return bytes[position]
    }

    /// Consumes `expected` after white space if it comes next.
    @inline(__always)
    mutating func take(_ expected: UInt8) throws(JSONError) -> Bool {
        guard try peek() == expected else { return false }
        position += 1
        return true
    }

    @inline(__always)
    mutating func expect(_ expected: UInt8) throws(JSONError) {
        guard try take(expected) else { throw error(.unexpectedByte) }
    }

    /// Nothing but white space may remain.
    mutating func expectEnd() throws(JSONError) {
        skipWhitespace()
        guard position == bytes.count else { throw error(.trailingBytes) }
    }

    @inline(__always)
    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    /// `true`, `false` or `null`, to the last letter.
    mutating func literal(_ word: StaticString) throws(JSONError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard position < bytes.count else { throw error(.unexpectedEnd) }
            guard bytes[position] == word.utf8Start[index] else { throw error(.unexpectedByte) }
            position += 1
        }
    }
}

// MARK: - Numbers

extension JSONLexer {
    mutating func number() throws(JSONError) -> JSONNumber {
        let start = position
        let isNegative = bytes[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let firstDigit = position
        // Summed towards Int64.min, which has no positive counterpart.
        var sum: Int64 = 0
        var overflows = false
        while let digit = digit() {
            let (product, productOverflows) = sum.multipliedReportingOverflow(by: 10)
            let (difference, differenceOverflows) = product.subtractingReportingOverflow(Int64(digit))
            sum = difference
            overflows = overflows || productOverflows || differenceOverflows
        }
        try requireDigits(since: firstDigit)
        if position - firstDigit > 1 && bytes[firstDigit] == UInt8(ascii: "0") {
            throw JSONError(kind: .invalidNumber, offset: firstDigit)
        }
        let isInteger = try !fractionAndExponent()
        guard position - start <= Self.longestNumber else { throw JSONError(kind: .numberOutOfRange, offset: start) }
        if isInteger && !overflows {
            if isNegative { return .integer(sum) }
            let (value, overflow) = Int64(0).subtractingReportingOverflow(sum)
            if !overflow { return .integer(value) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            throw JSONError(kind: .numberOutOfRange, offset: start)
        }
        return .double(value)
    }

    /// True when there was at least one of them.
    private mutating func fractionAndExponent() throws(JSONError) -> Bool {
        var found = false
        if position < bytes.count && bytes[position] == UInt8(ascii: ".") {
            found = true
            position += 1
            let start = position
            while digit() != nil {}
            try requireDigits(since: start)
        }
        if position < bytes.count && bytes[position] | 0x20 == UInt8(ascii: "e") {
            found = true
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            let start = position
            while digit() != nil {}
            try requireDigits(since: start)
        }
        return found
    }

    @inline(__always)
    private mutating func digit() -> UInt8? {
        guard position < bytes.count else { return nil }
        let digit = bytes[position] &- UInt8(ascii: "0")
        guard digit <= 9 else { return nil }
        position += 1
        return digit
    }

    private func requireDigits(since start: Int) throws(JSONError) {
        if position > start { return }
        throw error(position == bytes.count ? .unexpectedEnd : .invalidNumber)
    }
}

// MARK: - Strings

extension JSONLexer {
    /// A string whose opening quote is next.
    mutating func string() throws(JSONError) -> JSONText {
        position += 1
        let start = position
        var hasEscapes = false
        while true {
            skipPlainText()
            guard position < bytes.count else { throw error(.unexpectedEnd) }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                let text = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
                position += 1
                return JSONText(escaped: text, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try escape()
            case 0x80...:
                try multiByteCharacter()
            case ..<0x20:
                throw error(.controlCharacter)
            default:
                position += 1
            }
        }
    }

    /// Goes to the next quote, backslash, control or byte beyond ASCII, eight bytes at a time; within the last seven
    /// bytes of the input the caller goes on singly.
    @inline(__always)
    private mutating func skipPlainText() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highBits: UInt64 = 0x8080_8080_8080_8080
        while bytes.count - position >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            let special =
                (word &- ones &* 0x20) | (quotes &- ones) | (backslashes &- ones) | word
            let flags = special & highBits
            if flags != 0 {
                // The lowest flag is never a borrow from below.
                position += flags.trailingZeroBitCount >> 3
                return
            }
            position += 8
        }
    }

    private mutating func escape() throws(JSONError) {
        let start = position
        position += 1
        guard position < bytes.count else { throw error(.unexpectedEnd) }
        switch bytes[position] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        case UInt8(ascii: "u"):
            position += 1
            let unit = try codeUnit()
            if unit & 0xF800 == 0xD800 { try surrogatePair(first: unit, start: start) }
        default:
            throw error(.invalidEscape)
        }
    }

    private mutating func surrogatePair(first: UInt16, start: Int) throws(JSONError) {
        let lone = JSONError(kind: .loneSurrogate, offset: start)
        guard first & 0xFC00 == 0xD800 else { throw lone }
        for expected in [UInt8(ascii: "\\"), UInt8(ascii: "u")] {
            guard position < bytes.count else { throw error(.unexpectedEnd) }
            guard bytes[position] == expected else { throw lone }
            position += 1
        }
        guard try codeUnit() & 0xFC00 == 0xDC00 else { throw lone }
    }

    private mutating func codeUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard position < bytes.count else { throw error(.unexpectedEnd) }
            guard let digit = hexadecimalDigit(bytes[position]) else { throw error(.invalidEscape) }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }

    /// One character of two to four bytes, by the table of RFC 3629 section 4.
    private mutating func multiByteCharacter() throws(JSONError) {
        let second: ClosedRange<UInt8>
        let following: Int
        switch bytes[position] {
        case 0xC2...0xDF: (second, following) = (0x80...0xBF, 1)
        case 0xE0: (second, following) = (0xA0...0xBF, 2)
        case 0xED: (second, following) = (0x80...0x9F, 2)
        case 0xE1...0xEF: (second, following) = (0x80...0xBF, 2)
        case 0xF0: (second, following) = (0x90...0xBF, 3)
        case 0xF1...0xF3: (second, following) = (0x80...0xBF, 3)
        case 0xF4: (second, following) = (0x80...0x8F, 3)
        default: throw error(.invalidUTF8)
        }
        position += 1
        for index in 0..<following {
            guard position < bytes.count else { throw error(.unexpectedEnd) }
            let allowed = index == 0 ? second : 0x80...0xBF
            guard allowed.contains(bytes[position]) else { throw error(.invalidUTF8) }
            position += 1
        }
    }
}
