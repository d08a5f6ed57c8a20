/// What libpq's message says of a connection that failed: it has no other place for the state of a refused login. With
/// verbose errors the server's line is `FATAL:  53300: sorry, too many clients already`, its first word in the server's
/// language.
struct LoginFailure {
    /// Refused with a state, or unavailable.
    let code: PostgresError.Code
    /// One line.
    let text: String

    init(_ message: String) {
        let lines = message.split(separator: "\n")
        for line in lines {
            guard let (state, text) = LoginFailure.refusal(in: line) else { continue }
            code = .refused(SQLState(state))
            self.text = text
            return
        }
        code = .unavailable
        text = lines.first.map(String.init) ?? "the connection broke"
    }

    /// The state is five capitals and digits between `:  ` and `: `.
    private static func refusal(in line: Substring) -> (state: Substring, text: String)? {
        let parts = line.split(separator: ":", omittingEmptySubsequences: false)
        guard let index = parts.indices.dropFirst().first(where: { isState(parts[$0]) }), index + 1 < parts.endIndex
        else {
            return nil
        }
        let state = parts[index].dropFirst(2)
        return (state, parts[(index + 1)...].joined(separator: ":").drop { $0 == " " }.description)
    }

    private static func isState(_ part: Substring) -> Bool {
        part.hasPrefix("  ") && part.count == 7
            && part.dropFirst(2).allSatisfy { $0.isASCII && ($0.isNumber || $0.isUppercase) }
    }
}
