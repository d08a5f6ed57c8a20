import JSON

/// A place in a JSON value (RFC 6901): `/user/id`, `/items/0`. `~1` stands for a slash in a name, `~0` for a tilde.
struct JSONPointer: Sendable {
    let text: String
    private let tokens: [String]

    /// Nil when it does not begin with a slash, or has a tilde with neither 0 nor 1 behind it.
    init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var tokens: [String] = []
        for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            var name = ""
            var rest = part[...]
            while let character = rest.popFirst() {
                guard character == "~" else {
                    name.append(character)
                    continue
                }
                switch rest.popFirst() {
                case "0": name.append("~")
                case "1": name.append("/")
                default: return nil
                }
            }
            tokens.append(name)
        }
        self.text = text
        self.tokens = tokens
    }

    /// Nil when there is nothing.
    func value(in document: JSONValue) -> JSONValue? {
        var value = document
        for token in tokens {
            let next: JSONValue?
            switch value {
            case .object(let object): next = object[token]
            case .array(let elements): next = Self.index(token).flatMap { $0 < elements.count ? elements[$0] : nil }
            default: next = nil
            }
            guard let next else { return nil }
            value = next
        }
        return value
    }

    /// Digits without leading zeros, of an array that a body can hold.
    private static func index(_ token: String) -> Int? {
        guard (1...8).contains(token.utf8.count), token.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            token.utf8.count == 1 || token.utf8.first != 0x30
        else { return nil }
        return Int(token)
    }
}
