/// Why bytes were refused as a form.
package enum FormError: Error, Sendable, Equatable {
    /// `%` without two hexadecimal digits behind it.
    case invalidEncoding
    case invalidUTF8
    /// The same name twice, compared after decoding.
    case duplicateName
    /// More than `Form.maximumFields`.
    case tooManyFields
}

/// The fields of `application/x-www-form-urlencoded` (WHATWG URL section 5.1), read strictly: for bodies and queries.
package struct Form: Sendable {
    package static let maximumFields = 64

    package let fields: [(name: String, value: String)]

    package init(_ bytes: UnsafeRawBufferPointer) throws(FormError) {
        var fields: [(name: String, value: String)] = []
        var names: Set<[UInt8]> = []
        for pair in bytes.split(separator: UInt8(ascii: "&")) {
            guard fields.count < Self.maximumFields else { throw .tooManyFields }
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let name = try Self.decode(pair[..<equals])
            let value = try Self.decode(pair[equals...].dropFirst())
            guard names.insert(Array(name.utf8)).inserted else { throw .duplicateName }
            fields.append((name, value))
        }
        self.fields = fields
    }

    package init(_ bytes: [UInt8]) throws(FormError) {
        self = try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FormError) -> Form in try Form(bytes) }
    }

    /// The field with exactly these code points; nil when there is none.
    package subscript(_ name: String) -> String? {
        fields.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    private static func decode(_ text: Slice<UnsafeRawBufferPointer>) throws(FormError) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var position = text.startIndex
        while position < text.endIndex {
            let byte = text[position]
            position += 1
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard text.endIndex - position >= 2, let high = hexadecimalDigit(text[position]),
                    let low = hexadecimalDigit(text[position + 1])
                else { throw .invalidEncoding }
                bytes.append(high << 4 | low)
                position += 2
            default: bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .invalidUTF8 }
        return decoded
    }
}
