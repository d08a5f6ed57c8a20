/// A parameter, sent in binary under the type it names here, so that `$1` means the same whatever the column is. SQL NULL
/// is `.null`, of the type that the server finds for its place.
package enum Value: Sendable, Hashable {
    case null
    /// boolean
    case bool(Bool)
    /// bigint
    case integer(Int64)
    /// text
    case text(String)
    /// bytea
    case bytes([UInt8])
    /// uuid: sixteen bytes
    case uuid([UInt8])
    /// text[]
    case texts([String])
    /// bytea[]
    case byteArrays([[UInt8]])
    /// uuid[]: sixteen bytes each
    case uuids([[UInt8]])
    /// bigint[]
    case integers([Int64])
}

/// Types by their object identifier, which is the same on every server (src/include/catalog/pg_type.dat).
enum TypeID {
    static let unknown: UInt32 = 0
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let bigint: UInt32 = 20
    static let text: UInt32 = 25
    static let uuid: UInt32 = 2950
    static let byteaArray: UInt32 = 1001
    static let textArray: UInt32 = 1009
    static let bigintArray: UInt32 = 1016
    static let uuidArray: UInt32 = 2951
}

extension Value {
    var type: UInt32 {
        switch self {
        case .null: TypeID.unknown
        case .bool: TypeID.bool
        case .integer: TypeID.bigint
        case .text: TypeID.text
        case .bytes: TypeID.bytea
        case .uuid: TypeID.uuid
        case .texts: TypeID.textArray
        case .byteArrays: TypeID.byteaArray
        case .uuids: TypeID.uuidArray
        case .integers: TypeID.bigintArray
        }
    }

    /// Appends the value as its type's receive function wants it. False for NULL, which has no bytes.
    func encode(into bytes: inout [UInt8]) -> Bool {
        switch self {
        case .null: return false
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .integer(let value): bytes.appendBigEndian(value)
        case .text(let value): bytes.append(contentsOf: value.utf8)
        case .bytes(let value), .uuid(let value): bytes.append(contentsOf: value)
        case .texts(let values): bytes.appendArray(values, of: TypeID.text) { Array($0.utf8) }
        case .byteArrays(let values): bytes.appendArray(values, of: TypeID.bytea) { $0 }
        case .uuids(let values): bytes.appendArray(values, of: TypeID.uuid) { $0 }
        case .integers(let values):
            bytes.appendArray(values, of: TypeID.bigint) { value in
                var element: [UInt8] = []
                element.appendBigEndian(value)
                return element
            }
        }
        return true
    }
}

extension [UInt8] {
    mutating func appendBigEndian<Number: FixedWidthInteger>(_ value: Number) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    /// An array of one dimension, counted from 1, without NULLs (src/backend/utils/adt/arrayfuncs.c, `array_recv`).
    mutating func appendArray<Item>(_ values: [Item], of type: UInt32, _ encode: (Item) -> [UInt8]) {
        appendBigEndian(Int32(values.isEmpty ? 0 : 1))
        // No NULL among the elements.
        appendBigEndian(Int32(0))
        appendBigEndian(type)
        if values.isEmpty { return }
        appendBigEndian(Int32(values.count))
        appendBigEndian(Int32(1))
        for value in values {
            let element = encode(value)
            appendBigEndian(Int32(element.count))
            append(contentsOf: element)
        }
    }
}
