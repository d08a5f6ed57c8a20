import HTTP

/// The fields by which a browser lets pages of the allowed origins ask us and read the answers (Fetch standard, "CORS
/// protocol"). Pages of other origins get none of them; `*` is never sent, since a cookie may come along.
///
/// Made once per loop; nothing of a request goes into a field but through comparison with what was configured.
struct CrossOrigin: Sendable {
    /// What a page may read of an answer besides its body and the few fields that every page may.
    private static let exposed: StaticString = "Retry-After, WWW-Authenticate, X-Request-Id"
    /// Ten minutes: a preflight less for most requests, and a withdrawn origin is soon noticed.
    private static let preflightSeconds = 600

    private struct Page: Sendable {
        let origin: [UInt8]
        let answer: Headers
        /// By `RouteID.rawValue`.
        let preflights: [Int: Headers]
    }

    private let pages: [Page]
    /// `RouteDeclaration.forPages` by path alone, whatever the method.
    private let router: Router
    /// A shared cache must not hand the answer for one origin to another.
    private let vary: Headers

    init(allowedOrigins: [String]) throws(InvalidFieldValue) {
        let declarations = RouteDeclaration.main.filter { RouteDeclaration.forPages.contains($0.id) }
        router = Router(declarations.map { Route(.any, $0.route.pattern, id: $0.id.rawValue) })
        var vary = Headers()
        vary.append("Vary", constant: "Origin")
        self.vary = vary
        var pages: [Page] = []
        for origin in allowedOrigins {
            var shared = vary
            try shared.append("Access-Control-Allow-Origin", origin)
            shared.append("Access-Control-Allow-Credentials", constant: "true")
            var answer = shared
            answer.append("Access-Control-Expose-Headers", constant: CrossOrigin.exposed)
            var preflights: [Int: Headers] = [:]
            for declaration in declarations {
                var fields = shared
                try fields.append("Access-Control-Allow-Methods", declaration.route.methods.allowValue)
                fields.append("Access-Control-Allow-Headers", constant: "Authorization, Content-Type")
                fields.append("Access-Control-Max-Age", decimal: CrossOrigin.preflightSeconds)
                preflights[declaration.id.rawValue] = fields
            }
            pages.append(Page(origin: Array(origin.utf8), answer: answer, preflights: preflights))
        }
        self.pages = pages
    }

    /// What goes with the answer to a request; empty unless origins are allowed and its path is one for pages.
    func fields(_ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer) -> Headers {
        if pages.isEmpty { return Headers() }
        guard case .found(let route, _) = router.match(head.method, head.path.of(bytes)) else { return Headers() }
        guard head.origin.count == 1, let origin = head.origin.range?.of(bytes),
            let page = pages.first(where: { origin.elementsEqual($0.origin) })
        else { return vary }
        guard head.method == .options else { return page.answer }
        let asked = head.value(of: "access-control-request-method", in: bytes)
        return asked.range == nil ? page.answer : page.preflights[route] ?? vary
    }
}
