import HTTP

/// The query of `/api/v1/auth/verify`: `roles` at most once and no `access_token`; anything else is ignored. A plain pair
/// is read where it is; only one with escapes is decoded.
struct VerifyQuery {
    private enum Roles {
        case none
        case plain(UnsafeRawBufferPointer)
        case decoded([UInt8])
    }

    private var roles = Roles.none
    private(set) var isValid = true
    /// A token in a query ends up in logs: refused, also beside a good one (RFC 6750 section 2.3).
    private(set) var hasToken = false

    init(_ query: UnsafeRawBufferPointer) {
        var start = 0
        while start < query.count {
            var end = start
            while end < query.count, query[end] != UInt8(ascii: "&") { end += 1 }
            read(UnsafeRawBufferPointer(rebasing: query[start..<end]))
            start = end + 1
        }
        if hasToken { isValid = false }
    }

    /// Calls `body` with the names between commas, if there are any to be had.
    func withRoles(_ body: (UnsafeRawBufferPointer) throws(Refusal) -> Void) throws(Refusal) {
        switch roles {
        case .none: return
        case .plain(let bytes): try body(bytes)
        case .decoded(let bytes): try bytes.span.bytes.withUnsafeBytes { (bytes) throws(Refusal) in try body(bytes) }
        }
    }

    private mutating func read(_ pair: UnsafeRawBufferPointer) {
        if pair.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) { return decode(pair) }
        let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.count
        if pair[..<equals].elementsEqual("roles".utf8) {
            let value = UnsafeRawBufferPointer(rebasing: pair[equals...].dropFirst())
            note(.plain(value), isEmpty: value.isEmpty)
        } else if pair[..<equals].elementsEqual("access_token".utf8) {
            hasToken = true
        }
    }

    private mutating func decode(_ pair: UnsafeRawBufferPointer) {
        do throws(FormError) {
            let form = try Form(pair)
            if let text = form["roles"] { note(.decoded(Array(text.utf8)), isEmpty: text.isEmpty) }
            if form["access_token"] != nil { hasToken = true }
        } catch {
            isValid = false
        }
    }

    private mutating func note(_ list: Roles, isEmpty: Bool) {
        if case .none = roles, !isEmpty { roles = list } else { isValid = false }
    }
}
