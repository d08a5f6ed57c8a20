internal import COpenSSL

/// A call into OpenSSL that failed. It names the operation and OpenSSL's own code, never what was worked on.
package struct OpenSSLError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was asked for, in our words.
    package let operation: StaticString
    /// The packed code of `ERR_get_error(3)`; 0 when OpenSSL gave none or the input was refused before it was asked.
    package let code: UInt

    /// Takes the newest code and empties the calling thread's error queue, so that it cannot be blamed on a later call.
    init(_ operation: StaticString) {
        self.operation = operation
        code = UInt(ERR_peek_last_error())
        ERR_clear_error()
    }

    /// For input that was refused before OpenSSL saw it.
    init(refusing operation: StaticString) {
        self.operation = operation
        code = 0
    }

    package var description: String {
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        let reason = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return code == 0 ? "\(operation)" : "\(operation): \(reason)"
    }

    package static func == (left: OpenSSLError, right: OpenSSLError) -> Bool {
        left.code == right.code && left.operation.description == right.operation.description
    }
}
