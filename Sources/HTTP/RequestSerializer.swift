/// Requests to bytes: the client's side, for tests and the load harness.
package enum RequestSerializer {
    /// Writes head and body. Host comes first; Content-Length only with a body. `target` must be visible ASCII without
    /// `#`, `host` a host with or without a port.
    package static func write(
        _ method: Method, _ target: String, host: String, headers: Headers = Headers(), body: [UInt8]? = nil,
        to output: inout OutputBuffer
    ) throws(InvalidFieldValue) {
        let target = Array(target.utf8)
        let host = Array(host.utf8)
        guard !target.isEmpty, target.allSatisfy(isTargetCharacter) else { throw InvalidFieldValue(name: ":target") }
        guard host.withUnsafeBytes(Authority.isValid) else { throw InvalidFieldValue(name: "Host") }
        guard method != .other else { throw InvalidFieldValue(name: ":method") }
        output.append(method.name)
        output.append(" ")
        output.append(target)
        output.append(" HTTP/1.1\r\nHost: ")
        output.append(host)
        output.append("\r\n")
        output.append(headers.bytes)
        if let body {
            output.append("Content-Length: ")
            output.append(decimal: body.count)
            output.append("\r\n")
        }
        output.append("\r\n")
        if let body { output.append(body) }
    }
}
