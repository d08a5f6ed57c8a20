package import HTTP

/// What the harness can ask of a target.
package enum OperationName: String, Sendable, CaseIterable {
    /// Name and password in, tokens out.
    case login
    /// Whether an access token is good.
    case verify
    /// A new access token for a refresh token, or whatever renews a session.
    case refresh
    case logout
    /// The login of who plants accounts; mostly takes `admin_token`.
    case plantLogin = "plant_login"
    /// Makes one account, of `username` and `password`. Refused: it is there already.
    case plant
}

/// One operation of a profile, ready to make requests and to read answers.
package struct OperationTemplate: Sendable {
    struct Field: Sendable {
        let name: String
        let value: Template
    }

    package let name: OperationName
    package let method: HTTP.Method
    let path: Template
    let fields: [Field]
    let body: BodyTemplate?
    let rules: ReplyRules

    /// For `ResponseParser.begin`.
    package var isHead: Bool { method == .head }

    /// A whole HTTP/1.1 request; the connection stays open after it.
    ///
    /// `host` and `basePath` are those of a `TargetURL`. `addressField`: the field in which `address` of the variables
    /// goes along, when it is there and the operation does not write that field itself. Throws, in one sentence, when a
    /// variable is missing or holds what cannot be sent.
    package func request(
        host: String, basePath: String = "", variables: Variables, addressField: String? = nil
    ) throws(TemplateError) -> [UInt8] {
        do throws(TemplateError) {
            let content = try body?.bytes(variables)
            var output: [UInt8] = []
            output.reserveCapacity(512 + (content?.count ?? 0))
            output.append(contentsOf: "\(method.name) \(basePath)".utf8)
            // A bare `/` below a path is that path itself.
            if basePath.isEmpty || !path.isRoot { try path.write(variables, to: &output) }
            output.append(contentsOf: " HTTP/1.1\r\nHost: ".utf8)
            output.append(contentsOf: host.utf8)
            output.append(contentsOf: "\r\n".utf8)
            for field in fields where !field.value.isAbsent(variables) {
                output.append(contentsOf: field.name.utf8)
                output.append(contentsOf: ": ".utf8)
                try field.value.write(variables, to: &output)
                output.append(contentsOf: "\r\n".utf8)
            }
            if let addressField, let address = variables["address"], !writes(addressField) {
                output.append(contentsOf: "\(addressField): \(address)\r\n".utf8)
            }
            if let type = body?.contentType, !writes("content-type") {
                output.append(contentsOf: "Content-Type: \(type)\r\n".utf8)
            }
            if let count = content?.count ?? emptyCount {
                output.append(contentsOf: "Content-Length: \(count)\r\n".utf8)
            }
            output.append(contentsOf: "\r\n".utf8)
            if let content { output.append(contentsOf: content) }
            return output
        } catch {
            throw TemplateError("\(name.rawValue) cannot be sent: \(error.description).")
        }
    }

    /// What an answer means; ask when it is complete. Costs a look at the body only where the profile asks for one.
    package func judge(_ reply: borrowing ResponseParser) -> Verdict { rules.judge(reply) }

    /// Takes out of a successful answer what later requests need. When it throws, `variables` are as they were.
    package func capture(
        from reply: borrowing ResponseParser, into variables: inout Variables
    ) throws(CaptureError) {
        try rules.capture(from: reply, of: name.rawValue, into: &variables)
    }

    /// The variables that a request cannot be made without.
    package var requiredVariables: [String] { variables.filter { !$0.isOptional }.map(\.name) }

    var variables: [(name: String, isOptional: Bool)] {
        ([path] + fields.map(\.value) + (body?.templates ?? [])).flatMap(\.variables)
    }

    /// Without a body, of methods that have a meaning for one (RFC 9110 section 8.6).
    private var emptyCount: Int? {
        switch method {
        case .post, .put, .patch: 0
        default: nil
        }
    }

    private func writes(_ field: String) -> Bool {
        fields.contains { $0.name.lowercased() == field.lowercased() }
    }
}
