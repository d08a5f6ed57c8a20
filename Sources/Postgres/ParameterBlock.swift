/// A statement's parameters in one piece of memory, as libpq takes them: pointers, lengths, formats.
struct ParameterBlock {
    private var bytes: [UInt8] = []
    /// Where each parameter is in `bytes`; nil for NULL.
    private var ranges: [Range<Int>?] = []
    private(set) var types: [UInt32] = []

    init(_ values: [Value]) {
        ranges.reserveCapacity(values.count)
        types.reserveCapacity(values.count)
        for value in values {
            let start = bytes.count
            ranges.append(value.encode(into: &bytes) ? start..<bytes.count : nil)
            types.append(value.type)
        }
        // A null pointer means NULL: an empty value alone needs an address, too.
        bytes.append(0)
    }

    var count: Int { ranges.count }

    /// Calls `body` with an address (nil for NULL), a length and the binary format of each parameter.
    func withPointers<Result>(_ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> Result) -> Result {
        bytes.withUnsafeBytes { raw in
            let base = raw.bindMemory(to: CChar.self).baseAddress
            let pointers = ranges.map { range in range.flatMap { range in base.map { $0 + range.lowerBound } } }
            let lengths = ranges.map { Int32($0?.count ?? 0) }
            return body(pointers, lengths, [Int32](repeating: 1, count: ranges.count))
        }
    }
}
