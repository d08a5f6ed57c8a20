/// A field value that may not reach the wire: it holds CR, LF, NUL or another control.
package struct InvalidFieldValue: Error, Sendable, Equatable {
    /// The field it was meant for.
    package let name: String

    package init(name: String) { self.name = name }
}

/// Response or request fields, kept as they will be sent. Content-Length, Date, X-Request-Id, Content-Type and Connection
/// are not put here: the serializer writes them.
package struct Headers: Sendable, Equatable {
    /// `name: value CRLF`, one after the other.
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { bytes.isEmpty }

    /// Refuses a value with a control character but HTAB: nothing can end the line early.
    package mutating func append(_ name: StaticString, _ value: String) throws(InvalidFieldValue) {
        guard value.utf8.allSatisfy(isFieldCharacter) else { throw InvalidFieldValue(name: name.description) }
        append(name, trusted: value.utf8)
    }

    /// A value known when this was compiled.
    package mutating func append(_ name: StaticString, constant value: StaticString) {
        append(name, trusted: UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
    }

    package mutating func append(_ name: StaticString, decimal value: Int) {
        append(name, trusted: String(value).utf8)
    }

    package mutating func append(_ other: Headers) { bytes.append(contentsOf: other.bytes) }

    private mutating func append(_ name: StaticString, trusted value: some Collection<UInt8>) {
        bytes.reserveCapacity(bytes.count + name.utf8CodeUnitCount + value.count + 4)
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: ":"))
        bytes.append(UInt8(ascii: " "))
        bytes.append(contentsOf: value)
        bytes.append(0x0D)
        bytes.append(0x0A)
    }
}
