import JSON

/// A request's body before its variables are known.
enum BodyTemplate: Sendable {
    case form([FormField])
    case json(JSONTemplate)
    case text(Template)

    struct FormField: Sendable {
        /// Percent-encoded, with its `=`.
        let name: [UInt8]
        let value: Template
    }

    /// Nil for text, whose own headers say it.
    var contentType: StaticString? {
        switch self {
        case .form: "application/x-www-form-urlencoded"
        case .json: "application/json"
        case .text: nil
        }
    }

    var templates: [Template] {
        switch self {
        case .form(let fields): fields.map(\.value)
        case .json(let json): json.templates
        case .text(let template): [template]
        }
    }

    func bytes(_ variables: Variables) throws(TemplateError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(256)
        switch self {
        case .form(let fields):
            for field in fields where !field.value.isAbsent(variables) {
                if !output.isEmpty { output.append(UInt8(ascii: "&")) }
                output.append(contentsOf: field.name)
                try field.value.write(variables, to: &output)
            }
        case .json(let json): try json.write(variables, to: &output)
        case .text(let template): try template.write(variables, to: &output)
        }
        return output
    }
}

/// A JSON value with templates for strings. Its depth is that of the profile it was read from.
indirect enum JSONTemplate: Sendable {
    /// What holds no variable, as it is sent.
    case constant([UInt8])
    case string(Template)
    /// Names with quotes and colon.
    case object([(name: [UInt8], value: JSONTemplate)])
    case array([JSONTemplate])

    init(_ value: JSONValue, at place: String) throws(ProfileError) {
        switch value {
        case .string(let text): self = .string(try Template(text, at: place, .json))
        case .array(let values):
            var elements: [JSONTemplate] = []
            for (index, value) in values.enumerated() {
                elements.append(try JSONTemplate(value, at: "\(place)[\(index)]"))
            }
            self = .array(elements)
        case .object(let object):
            var members: [(name: [UInt8], value: JSONTemplate)] = []
            for member in object.members {
                var name = JSONWriter(reservingCapacity: member.name.utf8.count + 3)
                name.string(member.name)
                let value = try JSONTemplate(member.value, at: ProfileReader.place(of: member.name, in: place))
                members.append((name.bytes + [UInt8(ascii: ":")], value))
            }
            self = .object(members)
        case .null, .bool, .integer, .number:
            var writer = JSONWriter(reservingCapacity: 24)
            writer.value(value)
            self = .constant(writer.bytes)
        }
    }

    var templates: [Template] {
        switch self {
        case .constant: []
        case .string(let template): [template]
        case .object(let members): members.flatMap { $0.value.templates }
        case .array(let elements): elements.flatMap(\.templates)
        }
    }

    private func isAbsent(_ variables: Variables) -> Bool {
        if case .string(let template) = self { template.isAbsent(variables) } else { false }
    }

    func write(_ variables: Variables, to output: inout [UInt8]) throws(TemplateError) {
        switch self {
        case .constant(let bytes): output.append(contentsOf: bytes)
        case .string(let template):
            output.append(UInt8(ascii: "\""))
            try template.write(variables, to: &output)
            output.append(UInt8(ascii: "\""))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            var isFirst = true
            for member in members where !member.value.isAbsent(variables) {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                output.append(contentsOf: member.name)
                try member.value.write(variables, to: &output)
            }
            output.append(UInt8(ascii: "}"))
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            var isFirst = true
            for element in elements where !element.isAbsent(variables) {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                try element.write(variables, to: &output)
            }
            output.append(UInt8(ascii: "]"))
        }
    }
}
