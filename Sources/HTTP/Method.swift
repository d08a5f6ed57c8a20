/// A request method (RFC 9110 section 9). The name is case-sensitive.
package enum Method: UInt8, Sendable, CaseIterable {
    case get, head, post, put, patch, delete, options, trace
    /// A well-formed name that we do not know: only routes that take any method may answer it, all others 501.
    case other

    /// The name on the wire; `other` has none of its own.
    package var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .other: ""
        }
    }
}

/// The methods that a route answers.
package struct MethodSet: OptionSet, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package init(_ method: Method) { rawValue = 1 << UInt16(method.rawValue) }

    package static let get = MethodSet(.get)
    package static let head = MethodSet(.head)
    package static let post = MethodSet(.post)
    package static let put = MethodSet(.put)
    package static let patch = MethodSet(.patch)
    package static let delete = MethodSet(.delete)
    package static let options = MethodSet(.options)
    /// Every method, the ones without a name here included.
    package static let any = MethodSet(rawValue: .max)

    package func contains(_ method: Method) -> Bool { contains(MethodSet(method)) }

    /// The value of an `Allow` field (RFC 9110 section 10.2.1).
    package var allowValue: String {
        Method.allCases.filter { $0 != .other && contains($0) }.map { "\($0.name)" }.joined(separator: ", ")
    }
}
