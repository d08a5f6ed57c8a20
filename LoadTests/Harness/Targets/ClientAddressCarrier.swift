import JSON

/// How a target is told the address of a simulated client: it must trust the harness for it, as it would a balancer.
package enum ClientAddressCarrier: Sendable, Equatable {
    /// Not at all: every request comes from the harness's own address.
    case none
    /// A field of each request, such as `X-Forwarded-For`.
    case header(String)
    /// Before each connection's first byte.
    case proxy(ProxyHeader.Version)

    /// For `OperationTemplate.request`.
    package var field: String? { if case .header(let name) = self { name } else { nil } }

    /// From `--client-address`: `none`, `proxy-v1`, `proxy-v2`, `header` (X-Forwarded-For) or `header:NAME`.
    package init(argument: String) throws(ProfileError) {
        switch argument {
        case "none": self = .none
        case "proxy-v1": self = .proxy(.v1)
        case "proxy-v2": self = .proxy(.v2)
        case "header": self = .header("X-Forwarded-For")
        default:
            let name = String(argument.dropFirst(7))
            guard argument.hasPrefix("header:"), isFieldName(name), !OperationReader.isOwnField(name) else {
                throw ProfileError(
                    at: "--client-address", "must be none, proxy-v1, proxy-v2, header or header:NAME")
            }
            self = .header(name)
        }
    }

    /// From a profile: null, `{"header": NAME}` or `{"proxy_protocol": "v1"}`.
    init(_ reader: ProfileReader) throws(ProfileError) {
        if reader.value.isNull {
            self = .none
            return
        }
        let members = try reader.members(["header", "proxy_protocol"])
        guard members.count == 1 else { throw reader.error("must hold either header or proxy_protocol") }
        if let header = members["header"] {
            let name = try header.string(atMost: 128)
            guard isFieldName(name), !OperationReader.isOwnField(name) else {
                throw header.error("this is no header that can hold an address")
            }
            self = .header(name)
        } else {
            self = .proxy(try members.required("proxy_protocol", at: reader.place).choice(ProxyHeader.Version.self))
        }
    }
}
