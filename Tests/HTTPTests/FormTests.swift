import HTTP
import Testing

@Suite struct FormTests {
    @Test(arguments: [
        ("a=%", FormError.invalidEncoding), ("a=%4", .invalidEncoding), ("a=%4&b=1", .invalidEncoding),
        ("a=%GG", .invalidEncoding), ("%zz=a", .invalidEncoding), ("a=%+1", .invalidEncoding), ("a=%FF", .invalidUTF8),
        ("a=%C0%AF", .invalidUTF8), ("a=%ED%A0%80", .invalidUTF8), ("%C3=1", .invalidUTF8), ("a=1&a=1", .duplicateName),
        ("a=1&%61=2", .duplicateName), ("=1&=2", .duplicateName), ("a&a", .duplicateName),
        (String((0..<65).map { "a\($0)=1" }.joined(separator: "&")), .tooManyFields),
    ])
    func `a broken form is refused`(text: String, error: FormError) {
        #expect(throws: error) { try Form(Array(text.utf8)) }
    }

    @Test func `raw bytes that are no UTF-8 are refused`() {
        #expect(throws: FormError.invalidUTF8) { try Form([0x61, 0x3D, 0xFF]) }
    }

    @Test func `fields are decoded once and kept in order`() throws {
        let form = try Form(
            Array("username=a%40b.c&password=+%2B%26%3D%25&&empty=&bare&x=a=b%2541&%C3%A9=%F0%9F%98%80".utf8))
        #expect(form.fields.map(\.name) == ["username", "password", "empty", "bare", "x", "é"])
        #expect(form["username"] == "a@b.c" && form["password"] == " +&=%" && form["empty"] == "" && form["bare"] == "")
        #expect(form["x"] == "a=b%41" && form["é"] == "😀" && form["e\u{301}"] == nil && form["none"] == nil)
        #expect(try Form([]).fields.isEmpty)
    }
}

@Suite struct CookieTests {
    func find(_ value: String) -> CookieHeader.Match {
        Array(value.utf8).withUnsafeBytes { CookieHeader.find("__Host-token", in: $0) }
    }

    @Test(arguments: [
        "", ";", "token=1", "__host-token=1", "x__Host-token=1", "__Host-token", "__Host-token2=1", "a=__Host-token=1",
        "a=\"; b=1", "__Host-token =1", "a=1,__Host-token=2",
    ])
    func `another cookie is not ours (RFC 6265 5.4)`(value: String) {
        #expect(find(value) == .absent)
    }

    @Test(arguments: ["1; __Host-token=2", "1;__Host-token=1", "1; a=b; __Host-token=", "a b; __Host-token=1"])
    func `two cookies of one name are told apart from one`(rest: String) {
        #expect([.repeated].contains(find("__Host-token=" + rest)))
    }

    @Test(arguments: ["a b", "a\"b", "a,b", "a\\b", "\"a", "é", "a\tb"])
    func `ours must be well-formed (RFC 6265 4.1.1)`(value: String) {
        #expect(find("__Host-token=" + value) == .malformed)
    }

    @Test(arguments: [
        ("__Host-token=abc", "abc"), ("a=1; __Host-token=abc; b=2", "abc"),
        ("a=\"x y\",;__Host-token=\"abc\" ;b", "abc"),
        ("__Host-token=a=b", "a=b"), ("__Host-token=", ""), (" \t__Host-token=abc \t", "abc"),
        ("__Host-token=\"\"", ""),
    ])
    func `ours is found among others, broken ones included`(value: String, expected: String) {
        guard case .value(let range) = find(value) else {
            Issue.record("not found in \(value)")
            return
        }
        #expect(part(range, of: value) == expected)
    }
}
