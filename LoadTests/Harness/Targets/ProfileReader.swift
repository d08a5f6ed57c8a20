import JSON

/// One value of a profile file with the place it stands at, read strictly: what is not asked for by name is refused.
struct ProfileReader {
    let place: String
    let value: JSONValue

    init(_ value: JSONValue, at place: String = "") {
        self.value = value
        self.place = place
    }

    func error(_ problem: String) -> ProfileError { ProfileError(at: place, problem) }

    /// The members of an object, each with its place. `allowed`: the names there may be; nil for any.
    func members(
        _ allowed: [String]? = nil, atMost count: Int = 64
    ) throws(ProfileError) -> [(name: String, reader: ProfileReader)] {
        guard let object = value.object else { throw error("must be an object") }
        guard object.members.count <= count else { throw error("must have at most \(count) members") }
        var members: [(name: String, reader: ProfileReader)] = []
        for member in object.members {
            let reader = ProfileReader(member.value, at: ProfileReader.place(of: member.name, in: place))
            if let allowed, !allowed.contains(member.name) {
                let known = allowed.joined(separator: ", ")
                throw reader.error("this is no member known here (there are: \(known))")
            }
            members.append((member.name, reader))
        }
        return members
    }

    /// `outer.name`: what a terminal would obey and what is very long is not repeated as it is.
    static func place(of name: String, in outer: String) -> String {
        let characters = name.unicodeScalars.prefix(64).map { scalar in
            scalar.properties.generalCategory == .control ? "?" : Character(scalar)
        }
        return outer.isEmpty ? String(characters) : outer + "." + String(characters)
    }

    func elements(atMost count: Int) throws(ProfileError) -> [ProfileReader] {
        guard let elements = value.array else { throw error("must be an array") }
        guard elements.count <= count else { throw error("must have at most \(count) elements") }
        return elements.enumerated().map { ProfileReader($1, at: "\(place)[\($0)]") }
    }

    /// 1 to `longest` bytes.
    func string(atMost longest: Int = 4096) throws(ProfileError) -> String {
        guard let string = value.string else { throw error("must be a string") }
        guard (1...longest).contains(string.utf8.count) else { throw error("must be 1 to \(longest) bytes long") }
        return string
    }

    func integer(_ range: ClosedRange<Int>) throws(ProfileError) -> Int {
        guard let integer = value.integer, let integer = Int(exactly: integer), range.contains(integer) else {
            throw error("must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ type: Choice.Type
    ) throws(ProfileError) -> Choice {
        guard let choice = value.string.flatMap(Choice.init) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw error("must be one of \(known)")
        }
        return choice
    }
}

extension [(name: String, reader: ProfileReader)] {
    subscript(_ name: String) -> ProfileReader? { first { $0.name == name }?.reader }

    /// Throws when there is none; `place` is that of the object.
    func required(_ name: String, at place: String) throws(ProfileError) -> ProfileReader {
        guard let reader = self[name] else {
            throw ProfileError(at: place.isEmpty ? name : "\(place).\(name)", "this is missing")
        }
        return reader
    }
}

extension JSONValue {
    /// Levels of a profile: a request's own body takes most of them.
    private static let profileDepth = 16

    /// The file's bytes as JSON, or where and why they are none.
    init(profile bytes: [UInt8]) throws(ProfileError) {
        do throws(JSONError) {
            self = try JSONValue(parsing: bytes, maximumDepth: JSONValue.profileDepth)
        } catch {
            let before = bytes.prefix(error.offset)
            let line = before.count { $0 == 0x0A } + 1
            let column = before.count - (before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0) + 1
            throw ProfileError("Line \(line), column \(column): \(JSONValue.problem(error.kind)).")
        }
    }

    private static func problem(_ kind: JSONError.Kind) -> String {
        switch kind {
        case .unexpectedEnd: "the file ends within a value"
        case .unexpectedByte: "this is not JSON"
        case .trailingBytes: "something follows the profile"
        case .invalidNumber: "this is not a number"
        case .numberOutOfRange: "this number is out of range"
        case .invalidEscape: "this escape is unknown"
        case .loneSurrogate: "this is half of a surrogate pair"
        case .controlCharacter: "a control character stands in a string"
        case .invalidUTF8: "this is not UTF-8"
        case .duplicateName: "this name stands twice in its object"
        case .tooDeep: "this is nested more than \(profileDepth) levels deep"
        case .tooManyMembers: "there are too many members"
        case .wrongType: "this has another type than it should"
        }
    }
}
