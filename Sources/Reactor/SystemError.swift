import Glibc

/// A system call that failed: which one, and its `errno`; of getaddrinfo its own code, which is negative.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    package let call: StaticString
    package let code: Int32

    package init(_ call: StaticString, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    package var description: String {
        "\(call): \(String(cString: code < 0 ? gai_strerror(code) : UnsafePointer(strerror(code))))"
    }

    package static func == (left: SystemError, right: SystemError) -> Bool {
        left.code == right.code && left.call.description == right.call.description
    }
}
