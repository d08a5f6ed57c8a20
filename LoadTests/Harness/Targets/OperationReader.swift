import HTTP
import JSON

/// Reads one operation of a profile.
struct OperationReader {
    private static let memberNames = [
        "method", "path", "headers", "form", "json", "body", "success", "refused", "throttled", "unavailable",
        "capture",
    ]
    private static let methods: [HTTP.Method] = [.get, .head, .post, .put, .patch, .delete]
    /// Written by the harness: two of them would be two readings of one request.
    private static let ownFields = ["host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"]

    static func isOwnField(_ name: String) -> Bool { ownFields.contains(name.lowercased()) }

    /// Fields that a capture can name. `ResponseParser` looks fields up by names known when it was compiled.
    static let captureFields: [StaticString] = [
        "authorization", "location", "x-access-token", "x-auth-token", "x-csrf-token", "x-refresh-token",
        "x-session-token",
    ]

    private let place: String
    private let members: [(name: String, reader: ProfileReader)]

    private init(_ reader: ProfileReader) throws(ProfileError) {
        place = reader.place
        members = try reader.members(Self.memberNames)
    }

    static func read(_ name: OperationName, _ reader: ProfileReader) throws(ProfileError) -> OperationTemplate {
        let operation = try OperationReader(reader)
        let (method, fields, body) = (try operation.method(), try operation.fields(), try operation.body())
        if body != nil, method == .get || method == .head {
            throw reader.error("a \(method.name) has no body")
        }
        if case .text = body, !fields.contains(where: { $0.name.lowercased() == "content-type" }) {
            throw reader.error("a body needs a Content-Type among the headers")
        }
        return OperationTemplate(
            name: name, method: method, path: try operation.path(), fields: fields, body: body,
            rules: try operation.rules())
    }

    private func method() throws(ProfileError) -> HTTP.Method {
        let reader = try members.required("method", at: place)
        guard let method = Self.methods.first(where: { "\($0.name)" == reader.value.string }) else {
            let known = Self.methods.map { "\($0.name)" }.joined(separator: ", ")
            throw reader.error("must be one of \(known)")
        }
        return method
    }

    private func path() throws(ProfileError) -> Template {
        let reader = try members.required("path", at: place)
        let text = try reader.string()
        guard text.utf8.first == UInt8(ascii: "/"),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") })
        else { throw reader.error("must begin with a slash and hold visible ASCII without #") }
        let template = try Template(text, at: reader.place, .percent, escapesLiterals: false)
        if template.hasOptional { throw reader.error("a variable that may be absent cannot stand in a path") }
        return template
    }

    private func fields() throws(ProfileError) -> [OperationTemplate.Field] {
        guard let reader = members["headers"] else { return [] }
        var fields: [OperationTemplate.Field] = []
        var names: Set<String> = []
        for (name, reader) in try reader.members(atMost: 32) {
            guard isFieldName(name) else { throw reader.error("this is no name of a header") }
            if Self.isOwnField(name) {
                throw reader.error("the harness itself writes this header")
            }
            guard names.insert(name.lowercased()).inserted else { throw reader.error("this header stands there twice") }
            fields.append(
                OperationTemplate.Field(
                    name: name, value: try Template(try reader.string(), at: reader.place, .field)))
        }
        return fields
    }

    private func body() throws(ProfileError) -> BodyTemplate? {
        let given = ["form", "json", "body"].compactMap { members[$0] }
        guard given.count <= 1 else {
            throw ProfileError(at: place, "there can be one of form, json and body")
        }
        if let reader = members["form"] {
            var fields: [BodyTemplate.FormField] = []
            for (name, reader) in try reader.members() {
                guard let text = reader.value.string else { throw reader.error("must be a string") }
                var encoded: [UInt8] = []
                // A name is written as a value is; it has no variables, since a brace in it would be one.
                for part in try Template(name, at: reader.place, .percent).parts {
                    guard case .literal(let bytes) = part else { throw reader.error("a name holds no variable") }
                    encoded += bytes
                }
                fields.append(
                    BodyTemplate.FormField(
                        name: encoded + [UInt8(ascii: "=")], value: try Template(text, at: reader.place, .percent)))
            }
            return .form(fields)
        }
        if let reader = members["json"] {
            guard reader.value.object != nil || reader.value.array != nil else {
                throw reader.error("must be an object or an array")
            }
            return .json(try JSONTemplate(reader.value, at: reader.place))
        }
        if let reader = members["body"] {
            let template = try Template(try reader.string(atMost: 65_536), at: reader.place, .none)
            if template.hasOptional { throw reader.error("a variable that may be absent cannot stand in a body") }
            return .text(template)
        }
        return nil
    }
}

// MARK: - Answers

extension OperationReader {
    private func rules() throws(ProfileError) -> ReplyRules {
        var rules = ReplyRules()
        let success = try members.required("success", at: place)
        let parts = try success.members(["status", "json"])
        let status = try parts.required("status", at: success.place)
        rules.success = try Self.statuses(status)
        if rules.success.isEmpty { throw status.error("must name a status at least") }
        if let json = parts["json"] { rules.conditions = try Self.conditions(json) }
        // With a condition on the body one status may be a success or another thing.
        var seen: [(status: UInt16, in: String)] = rules.conditions.isEmpty ? rules.success.map { ($0, "success") } : []
        func others(_ name: String) throws(ProfileError) -> [UInt16] {
            guard let reader = members[name] else { return [] }
            let statuses = try Self.statuses(reader)
            for status in statuses {
                if let earlier = seen.first(where: { $0.status == status }) {
                    throw reader.error("status \(status) is already in \(earlier.in)")
                }
            }
            seen += statuses.map { ($0, name) }
            return statuses
        }
        rules.refused = try others("refused")
        rules.throttled = try others("throttled")
        rules.unavailable = try others("unavailable")
        if let capture = members["capture"] { rules.captures = try Self.captures(capture) }
        return rules
    }

    private static func statuses(_ reader: ProfileReader) throws(ProfileError) -> [UInt16] {
        var statuses: [UInt16] = []
        for element in try reader.elements(atMost: 16) {
            let status = UInt16(clamping: try element.integer(200...599))
            if statuses.contains(status) { throw element.error("status \(status) stands there twice") }
            statuses.append(status)
        }
        return statuses
    }

    private static func conditions(_ reader: ProfileReader) throws(ProfileError) -> [ReplyRules.Condition] {
        var conditions: [ReplyRules.Condition] = []
        for (name, reader) in try reader.members(atMost: 16) {
            guard let pointer = JSONPointer(name) else {
                throw reader.error("the name must be a JSON pointer such as /active")
            }
            if reader.value.object != nil || reader.value.array != nil {
                throw reader.error("must be a string, a number, true, false or null")
            }
            conditions.append(ReplyRules.Condition(pointer: pointer, expected: reader.value))
        }
        return conditions
    }

    private static func captures(_ reader: ProfileReader) throws(ProfileError) -> [ReplyRules.Capture] {
        var captures: [ReplyRules.Capture] = []
        for (name, reader) in try reader.members(atMost: 16) {
            let isOptional = name.hasSuffix("?")
            let variable = isOptional ? String(name.dropLast()) : name
            guard Template.isVariableName(variable) else { throw reader.error("this is no name of a variable") }
            if TargetProfile.givenVariables.contains(variable) {
                throw reader.error("the harness itself gives {\(variable)}")
            }
            if captures.contains(where: { $0.variable == variable }) {
                throw reader.error("{\(variable)} is taken from two places")
            }
            captures.append(
                ReplyRules.Capture(variable: variable, isOptional: isOptional, source: try source(reader)))
        }
        return captures
    }

    private static func source(_ reader: ProfileReader) throws(ProfileError) -> ReplyRules.Capture.Source {
        let text = try reader.string(atMost: 256)
        if text.hasPrefix("cookie:") {
            let name = String(text.dropFirst(7))
            guard isFieldName(name) else { throw reader.error("this is no name of a cookie") }
            return .cookie(name)
        }
        if text.hasPrefix("header:") {
            let name = text.dropFirst(7).lowercased()
            guard let field = captureFields.first(where: { "\($0)" == name }) else {
                let known = captureFields.map { "\($0)" }.joined(separator: ", ")
                throw reader.error("this is no header that can be captured (there are: \(known))")
            }
            return .header(field)
        }
        guard let pointer = JSONPointer(text) else {
            throw reader.error("must be a JSON pointer such as /access_token, or begin with cookie: or header:")
        }
        return .json(pointer)
    }
}

/// A token (RFC 9110 section 5.6.2): what names of fields and of cookies are.
func isFieldName(_ name: String) -> Bool {
    (1...128).contains(name.utf8.count) && name.utf8.allSatisfy(isTokenCharacter)
}
