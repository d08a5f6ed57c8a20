import Driver
import Glibc
import HTTPServer
import Reactor

/// The beginning of a connection, by both versions of the PROXY protocol. What is said of a header holds however it is
/// cut: every beginning of it is incomplete, nothing behind it changes it, and what is refused stays so.
@main
enum FuzzProxyProtocol {
    /// The longest header of version 2; version 1 is shorter.
    private static let longest = 16 + 536

    static func main() {
        exit(
            fuzz { input in
                check(input, .v1)
                check(input, .v2)
                guard ProxyProtocol.parse(input, .off) == .header(.connection, length: 0) else {
                    violated("without the protocol nothing is taken")
                }
            })
    }

    private static func check(_ input: UnsafeRawBufferPointer, _ mode: ProxyProtocol.Mode) {
        let whole = ProxyProtocol.parse(input, mode)
        switch whole {
        case .header(let source, let length):
            guard length > 0, length <= min(input.count, longest) else { violated("a header is within its bytes") }
            for count in 0..<length {
                guard ProxyProtocol.parse(UnsafeRawBufferPointer(rebasing: input[..<count]), mode) == .incomplete else {
                    violated("every beginning of a header is incomplete")
                }
            }
            guard ProxyProtocol.parse(UnsafeRawBufferPointer(rebasing: input[..<length]), mode) == whole else {
                violated("what follows a header does not change it")
            }
            if case .client(let address) = source, address == .none { violated("a client has an address") }
        case .incomplete:
            guard input.count < longest else { violated("a header comes to an end") }
        case .malformed:
            // Beginnings are incomplete up to some byte, and refused from there on.
            var isRefused = false
            for count in 0...min(input.count, longest) {
                switch ProxyProtocol.parse(UnsafeRawBufferPointer(rebasing: input[..<count]), mode) {
                case .incomplete: if isRefused { violated("what is refused stays so") }
                case .malformed: isRefused = true
                case .header: violated("a header is not refused for what follows it")
                }
            }
        }
    }
}
