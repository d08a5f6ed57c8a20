import Glibc

/// One route: which methods, which paths, and a number that the caller knows it by.
package struct Route: Sendable {
    package let methods: MethodSet
    /// Literal segments; `{name}` for exactly one non-empty segment, at most two of them; `/…` at the end for nothing or
    /// `/` and anything more.
    package let pattern: StaticString
    package let id: Int

    package init(_ methods: MethodSet, _ pattern: StaticString, id: Int) {
        self.methods = methods
        self.pattern = pattern
        self.id = id
    }
}

/// Finds the route of a raw path: bytes are compared as they came, with no decoding and no dot-segment normalization
/// (a path that needs either is another path). A literal route wins over the others, then the order of the list decides.
package struct Router: Sendable {
    package enum Match: Sendable, Equatable {
        case found(route: Int, parameters: Parameters)
        /// OPTIONS where no route answers it itself: 204 with these methods in `Allow`, all of the server's for `*`.
        case options(MethodSet)
        /// 405 with these in `Allow`.
        case methodNotAllowed(MethodSet)
        /// 501: a method that nobody knows.
        case notImplemented
        case notFound
    }

    /// What stood in place of `{…}`, from left to right, counted from the first byte of the path.
    package struct Parameters: Sendable, Equatable {
        package fileprivate(set) var first: ByteRange?
        package fileprivate(set) var second: ByteRange?
    }

    /// Longer literals are not looked up by length; none is.
    private static let longestLiteral = 127

    /// Routes without parameters and rest, ordered by the length of their pattern.
    private var literals: [Route] = []
    /// For each length of a path, where its literals begin; the next entry says where they end.
    private var literalsByLength: [Int] = []
    private var patterns: [Pattern] = []
    private var allMethods: MethodSet = [.options]

    private struct Pattern: Sendable {
        let route: Route
        let segments: [Segment]
        let takesRest: Bool
    }

    private enum Segment: Sendable {
        case literal([UInt8])
        case parameter
    }

    package init(_ routes: [Route]) {
        for route in routes {
            allMethods.formUnion(route.methods)
            let pattern = Self.compile(route)
            let isLiteral =
                !pattern.takesRest && pattern.segments.allSatisfy { if case .literal = $0 { true } else { false } }
            if isLiteral {
                precondition(route.pattern.utf8CodeUnitCount <= Self.longestLiteral, "a route's path is too long")
                literals.append(route)
            } else {
                patterns.append(pattern)
            }
        }
        literals.sort { $0.pattern.utf8CodeUnitCount < $1.pattern.utf8CodeUnitCount }
        literalsByLength = (0...(Self.longestLiteral + 1)).map { length in
            literals.firstIndex { $0.pattern.utf8CodeUnitCount >= length } ?? literals.count
        }
    }

    /// `path` is a request's raw path.
    package func match(_ method: Method, _ path: UnsafeRawBufferPointer) -> Match {
        guard let base = path.baseAddress else { return .notFound }
        let wanted = MethodSet(method)
        var allowed: MethodSet = []
        if path.count <= Self.longestLiteral {
            for index in literalsByLength[path.count]..<literalsByLength[path.count + 1] {
                let route = literals[index]
                guard memcmp(base, route.pattern.utf8Start, path.count) == 0 else { continue }
                if route.methods.isSuperset(of: wanted) { return .found(route: route.id, parameters: Parameters()) }
                allowed.formUnion(route.methods)
            }
        }
        for pattern in patterns {
            guard let parameters = Self.match(pattern, path) else { continue }
            if pattern.route.methods.isSuperset(of: wanted) {
                return .found(route: pattern.route.id, parameters: parameters)
            }
            allowed.formUnion(pattern.route.methods)
        }
        return unanswered(method, path, allowed: allowed)
    }

    private func unanswered(_ method: Method, _ path: UnsafeRawBufferPointer, allowed: MethodSet) -> Match {
        if method == .other { return .notImplemented }
        if method == .options && path.equals("*") { return .options(allMethods) }
        if allowed.isEmpty { return .notFound }
        let allowed = allowed.union(.options)
        return method == .options ? .options(allowed) : .methodNotAllowed(allowed)
    }

    private static func match(_ pattern: Pattern, _ path: UnsafeRawBufferPointer) -> Parameters? {
        var parameters = Parameters()
        var position = 0
        for segment in pattern.segments {
            guard position < path.count, path[position] == UInt8(ascii: "/") else { return nil }
            position += 1
            let end = path[position...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
            switch segment {
            case .literal(let literal):
                guard path[position..<end].elementsEqual(literal) else { return nil }
            case .parameter:
                guard end > position else { return nil }
                if parameters.first == nil {
                    parameters.first = ByteRange(position, end)
                } else {
                    parameters.second = ByteRange(position, end)
                }
            }
            position = end
        }
        return position == path.count || pattern.takesRest ? parameters : nil
    }

    private static func compile(_ route: Route) -> Pattern {
        var segments = route.pattern.description.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let takesRest = segments.last == "…"
        if takesRest { segments.removeLast() }
        let compiled = segments.map { $0.hasPrefix("{") ? Segment.parameter : .literal(Array($0.utf8)) }
        precondition(route.pattern.description.hasPrefix("/"), "a route's path begins with a slash")
        precondition(segments.count { $0.hasPrefix("{") } <= 2, "a route has at most two parameters")
        return Pattern(route: route, segments: compiled, takesRest: takesRest)
    }
}
