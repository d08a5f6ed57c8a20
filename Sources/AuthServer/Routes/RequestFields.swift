import HTTP
import JSON

/// The fields of a request's body, form or JSON alike. Unknown fields are ignored; everything else that is not as it
/// should be is refused.
struct RequestFields {
    private enum Content {
        case none
        case form(Form)
        case json(JSONObject)
    }

    private let content: Content

    init(_ request: Request) throws(Refusal) {
        if request.body.isEmpty {
            content = .none
            return
        }
        switch request.mediaType {
        case "application/x-www-form-urlencoded":
            do throws(FormError) { content = .form(try Form(request.body)) } catch {
                throw Refusal(.invalidBody, RequestFields.detail(of: error))
            }
        case "application/json": content = .json(try RequestFields.object(request.body))
        default:
            throw Refusal(
                .unsupportedMediaType, "Send application/json or application/x-www-form-urlencoded, once.")
        }
    }

    /// Nil when it is absent (or null in JSON).
    func string(_ name: String) throws(Refusal) -> String? {
        switch content {
        case .none: return nil
        case .form(let form): return form[name]
        case .json(let object):
            guard let value = object[name], !value.isNull else { return nil }
            guard let text = value.string else { throw Refusal(.invalidBody, "\(name) must be a string.") }
            return text
        }
    }

    func requiredString(_ name: String) throws(Refusal) -> String {
        guard let text = try string(name) else { throw Refusal(.invalidBody, "\(name) is required.") }
        return text
    }

    static func object(_ bytes: [UInt8]) throws(Refusal) -> JSONObject {
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch {
            throw Refusal(.invalidBody, "The body is not strict JSON: \(error.kind) at byte \(error.offset).")
        }
        guard let object = value.object else { throw Refusal(.invalidBody, "The body must be a JSON object.") }
        return object
    }

    private static func detail(of error: FormError) -> String {
        switch error {
        case .invalidEncoding: "The form has a percent sign without two hexadecimal digits."
        case .invalidUTF8: "The form is not UTF-8."
        case .duplicateName: "The form has a field twice."
        case .tooManyFields: "The form has too many fields."
        }
    }
}
