import HTTP

/// The query of `/api/v1/auth/verify`: `roles` at most once and no `access_token`; anything else is ignored. Plain names
/// and values are read where they are; only a query with escapes is decoded.
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
        if query.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) {
            readDecoded(query)
        } else {
            readPlain(query)
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

    private mutating func readPlain(_ query: UnsafeRawBufferPointer) {
        var start = 0
        while start < query.count {
            var end = start
            while end < query.count, query[end] != UInt8(ascii: "&") { end += 1 }
            let pair = UnsafeRawBufferPointer(rebasing: query[start..<end])
            if pair.starts(with: "roles=".utf8) {
                if case .none = roles {} else { isValid = false }
                if pair.count == 6 { isValid = false }
                roles = .plain(UnsafeRawBufferPointer(rebasing: pair[6...]))
            } else if pair.starts(with: "access_token=".utf8) || pair.elementsEqual("access_token".utf8) {
                hasToken = true
            } else if pair.elementsEqual("roles".utf8) {
                isValid = false
            }
            start = end + 1
        }
    }

    private mutating func readDecoded(_ query: UnsafeRawBufferPointer) {
        do throws(FormError) {
            let form = try Form(query)
            hasToken = form["access_token"] != nil
            if let text = form["roles"] {
                roles = .decoded(Array(text.utf8))
                isValid = !text.isEmpty
            }
        } catch {
            isValid = false
        }
    }
}
