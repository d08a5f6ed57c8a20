import Auth
import HTTP
import JSON

/// The JSON object of a request's body; an empty body is an object without members. Unknown members are ignored; a member
/// that is null is absent; a wrong type is refused by name.
struct JSONBody {
    private let object: JSONObject

    init(_ request: Request) throws(Refusal) {
        if request.body.isEmpty {
            object = JSONObject(members: [])
            return
        }
        guard request.mediaType == "application/json" else {
            throw Refusal(.unsupportedMediaType, "Send application/json, once.")
        }
        object = try RequestFields.object(request.body)
    }

    subscript(_ name: String) -> JSONValue? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    func string(_ name: String) throws(Refusal) -> String? { try read(name, "a string", \.string) }

    func bool(_ name: String) throws(Refusal) -> Bool? { try read(name, "true or false", \.bool) }

    func identifier(_ name: String) throws(Refusal) -> Identifier? {
        try read(name, "a UUID") { $0.string.flatMap { Identifier($0) } }
    }

    func read<Value>(
        _ name: String, _ expectation: String, _ convert: (JSONValue) -> Value?
    ) throws(Refusal) -> Value? {
        guard let value = self[name] else { return nil }
        guard let converted = convert(value) else { throw Refusal(.invalidBody, "\(name) must be \(expectation).") }
        return converted
    }

    /// Role names, each once, at most as many as a user may have.
    func roles() throws(Refusal) -> [Role]? {
        guard let elements = try read("roles", "an array of strings", \.array) else { return nil }
        guard elements.count <= Role.maximumPerUser else {
            throw Refusal(.invalidBody, "roles must be at most \(Role.maximumPerUser).")
        }
        var roles: [Role] = []
        for (index, element) in elements.enumerated() {
            guard let name = element.string else { throw Refusal(.invalidBody, "roles must be an array of strings.") }
            guard let role = Role(name) else {
                throw Refusal(
                    .invalidBody, "roles[\(index)] is no name of a role: [a-z0-9][a-z0-9_.:-]* of at most 64 bytes.")
            }
            guard !roles.contains(role) else { throw Refusal(.invalidBody, "roles[\(index)] is there twice.") }
            roles.append(role)
        }
        return roles
    }
}
