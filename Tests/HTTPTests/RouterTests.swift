import HTTP
import Testing

@Suite struct RouterTests {
    let router = Router([
        Route([.get, .head], "/livez", id: 1),
        Route(.post, "/api/v1/auth/login", id: 2),
        Route([.get, .head], "/api/v1/auth/verify", id: 3),
        Route(.any, "/api/v1/auth/verify/any/…", id: 4),
        Route(.any, "/api/v1/auth/verify/roles/{roles}/…", id: 5),
        Route(.get, "/api/v1/admin/users/{id}", id: 6),
        Route([.patch, .delete], "/api/v1/admin/users/{id}", id: 7),
        Route(.delete, "/api/v1/admin/users/{id}/sessions/{session}", id: 8),
        Route(.post, "/api/v1/admin/users/import", id: 9),
        Route(.options, "/cors", id: 10),
        Route(.put, "/cors", id: 11),
    ])

    func match(_ method: Method, _ path: String) -> Router.Match {
        Array(path.utf8).withUnsafeBytes { router.match(method, $0) }
    }

    /// The route's number and what stood in place of its parameters.
    func found(_ method: Method, _ path: String) -> [String]? {
        guard case .found(let route, let parameters) = match(method, path) else { return nil }
        return ["\(route)"] + [parameters.first, parameters.second].compactMap { part($0, of: path) }
    }

    @Test(arguments: [
        "", "livez", "/livez/", "/livez?", "/Livez", "/livez%20", "//livez", "/./livez", "/a/../livez", "/%6Civez",
        "/live",
        "/livezz", "/api/v1/auth/verify/", "/api/v1/auth/verify/anyone/x", "/api/v1/auth/verify/%61ny/x",
        "/api/v1/auth//verify/any/x", "/x/../api/v1/auth/verify/any/", "/api/v1/auth/verify/roles",
        "/api/v1/auth/verify/roles/", "/api/v1/auth/verify/roles//x", "/api/v1/admin/users/", "/api/v1/admin/users/1/",
        "/api/v1/admin/users//sessions/1", "/api/v1/admin/users/1/sessions/", "/api/v1/admin/users/1/sessions/2/3",
        "/" + String(repeating: "a", count: 8000), "*",
    ])
    func `only the raw path itself is a route's`(path: String) {
        #expect(match(.get, path) == .notFound)
    }

    @Test func `literal paths are found`() {
        #expect(found(.get, "/livez") == ["1"] && found(.head, "/livez") == ["1"])
        #expect(found(.post, "/api/v1/auth/login") == ["2"] && found(.get, "/api/v1/auth/verify") == ["3"])
        #expect(found(.post, "/api/v1/admin/users/import") == ["9"], "a literal goes before a parameter")
        #expect(found(.get, "/api/v1/admin/users/import") == ["6", "import"], "unless its method is another")
    }

    @Test func `parameters take one raw segment each`() {
        #expect(found(.get, "/api/v1/admin/users/%2e%2e") == ["6", "%2e%2e"])
        #expect(found(.delete, "/api/v1/admin/users/1") == ["7", "1"])
        #expect(found(.delete, "/api/v1/admin/users/1/sessions/22") == ["8", "1", "22"])
    }

    @Test func `forward-auth rests on the leading segments alone, for any method`() {
        for method in Method.allCases {
            #expect(found(method, "/api/v1/auth/verify/any/") == ["4"])
            #expect(found(method, "/api/v1/auth/verify/any") == ["4"])
            #expect(found(method, "/api/v1/auth/verify/any/../../../../livez") == ["4"])
            #expect(found(method, "/api/v1/auth/verify/any//%2e%2e/roles/x") == ["4"])
            #expect(found(method, "/api/v1/auth/verify/roles/a,b/x/../any/") == ["5", "a,b"])
            #expect(found(method, "/api/v1/auth/verify/roles/a,b") == ["5", "a,b"])
        }
    }

    @Test func `another method is told which ones are allowed (RFC 9110 15.5.6)`() {
        #expect(match(.post, "/livez") == .methodNotAllowed([.get, .head, .options]))
        #expect(match(.put, "/api/v1/admin/users/1") == .methodNotAllowed([.get, .patch, .delete, .options]))
        #expect(match(.trace, "/livez") == .methodNotAllowed([.get, .head, .options]))
        #expect(MethodSet([.get, .head, .options]).allowValue == "GET, HEAD, OPTIONS")
        #expect(MethodSet.any.allowValue == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE")
    }

    @Test func `OPTIONS is answered where no route does (RFC 9110 9.3.7)`() {
        #expect(match(.options, "/livez") == .options([.get, .head, .options]))
        #expect(match(.options, "*") == .options(.any))
        #expect(match(.options, "/nowhere") == .notFound)
        #expect(found(.options, "/cors") == ["10"])
    }

    @Test func `a method that nobody knows is 501 (RFC 9110 15.6.2)`() {
        #expect(match(.other, "/livez") == .notImplemented && match(.other, "/nowhere") == .notImplemented)
    }
}
