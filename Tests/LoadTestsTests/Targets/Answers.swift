import HTTP
import LoadTests
import Testing

/// A whole answer, parsed.
func answer(_ status: Int, _ body: String = "", fields: [String] = []) throws -> ResponseParser {
    let lines = ["HTTP/1.1 \(status) Said"] + fields + ["Content-Length: \(body.utf8.count)"]
    let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    var parser = ResponseParser(limits: Limits())
    parser.begin()
    _ = try bytes.withUnsafeBytes { try parser.receive($0) }
    try #require(parser.isComplete)
    return parser
}

/// A profile with one login, some of whose members are others, and what else is said.
func profile(login members: String = "", _ others: String = "") throws(ProfileError) -> TargetProfile {
    let request = members.contains("\"path\"") ? "" : #""path": "/login","#
    let success = members.contains("\"success\"") ? "" : #""success": {"status": [200]},"#
    let login = #"{\#(request) \#(success) \#(members) "method": "POST"}"#
    return try TargetProfile(parsing: Array(#"{"name": "x", "operations": {"login": \#(login)} \#(others)}"#.utf8))
}

/// What a profile is refused with; nil when it is not.
func refusal(login members: String = "", _ others: String = "") -> String? {
    do throws(ProfileError) { _ = try profile(login: members, others) } catch { return error.description }
    return nil
}

func refusal(of text: String) -> String? {
    do throws(ProfileError) { _ = try TargetProfile(parsing: Array(text.utf8)) } catch { return error.description }
    return nil
}
