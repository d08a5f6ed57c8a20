/// Why bytes were refused as JSON, and where. It never carries the bytes themselves: they may be a password.
package struct JSONError: Error, Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// The input ended inside a value.
        case unexpectedEnd
        /// A byte that the grammar does not allow here (RFC 8259 section 2), a byte order mark included.
        case unexpectedByte
        /// Anything but white space after the value.
        case trailingBytes
        /// A number that breaks the grammar: leading zero, plus sign, bare point (RFC 8259 section 6).
        case invalidNumber
        /// Beyond a finite Double, beyond Int64 where an integer was asked for, or longer than 256 bytes.
        case numberOutOfRange
        /// A backslash sequence that RFC 8259 section 7 does not know.
        case invalidEscape
        /// `\uD800`-`\uDFFF` not in a pair: no Unicode text can hold it.
        case loneSurrogate
        /// A raw byte below 0x20 inside a string.
        case controlCharacter
        /// Overlong, surrogate, beyond U+10FFFF or cut short (RFC 3629).
        case invalidUTF8
        /// The same member name twice in one object, compared after unescaping.
        case duplicateName
        /// More open arrays and objects than allowed.
        case tooDeep
        /// More member names open at once than a `JSONScanner` remembers.
        case tooManyMembers
        /// Well-formed, but not the type that the reader asked for.
        case wrongType
    }

    package let kind: Kind
    /// Bytes before the place of the error.
    package let offset: Int

    package init(kind: Kind, offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}
