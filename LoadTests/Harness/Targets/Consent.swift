package import HTTP
import OpenSSL
import Reactor

/// Why a run against somebody's server is refused: one sentence.
package struct ConsentError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// That whoever runs a target wants this run. Beyond loopback the target must serve, at a fixed path, the very token
/// that the run's configuration names: only who controls the server can put it there. It is asked for before anything
/// else is sent, and again before each scenario, so that taking the token away ends a run.
package struct Consent: Sendable, CustomStringConvertible {
    package static let path = "/.well-known/loadtest-consent"
    /// Of a token, visible ASCII characters.
    package static let lengths = 16...128
    /// Of an answer, in bytes: a token with white space around it is far shorter.
    private static let longestAnswer = 1024

    private let token: [UInt8]

    package var description: String { "consent token" }

    /// From `--consent-token`.
    package init(token: String) throws(ConsentError) {
        let bytes = Array(token.utf8)
        guard Self.lengths.contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ConsentError(
                "--consent-token must be \(Self.lengths.lowerBound) to \(Self.lengths.upperBound) visible ASCII "
                    + "characters.")
        }
        self.token = bytes
    }

    package static func isNeeded(for target: ResolvedTarget) -> Bool { !target.isLoopback }

    /// The first target that needs consent when the command line names no token, in one sentence.
    package static func refusal(of targets: [ResolvedTarget], token: Consent?) -> ConsentError? {
        guard token == nil, let target = targets.first(where: isNeeded) else { return nil }
        let other = target.addresses.first { !$0.isLoopback }.map(\.host) ?? ""
        return ConsentError(
            "The target \(target.url) is not this machine (\(other)): let it serve a token at \(path) and name it with "
                + "--consent-token.")
    }

    /// A whole request, at the server's root whatever the target's base path is.
    package static func request(host: String) -> [UInt8] {
        Array("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nAccept: text/plain\r\n\r\n".utf8)
    }

    /// Throws unless a complete answer gives consent. A redirect does not: it would be another's.
    package func judge(_ answer: borrowing ResponseParser) throws(ConsentError) {
        let status = answer.status
        guard status == 200 else {
            let reason = (300...399).contains(status) ? "a redirect is no consent" : "it must be 200"
            throw ConsentError(
                "The target gives no consent to this run: \(Self.path) answers \(status), and \(reason).")
        }
        let body = answer.body
        guard body.count <= Self.longestAnswer else {
            throw ConsentError("The target gives no consent to this run: what it serves at \(Self.path) is no token.")
        }
        let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        let start = body.firstIndex { !isBlank($0) } ?? body.endIndex
        let end = body.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start
        guard constantTimeEqual(Array(body[start..<end]).span.bytes, token.span.bytes) else {
            throw ConsentError(
                "The target gives no consent to this run: what it serves at \(Self.path) is not the token of "
                    + "--consent-token.")
        }
    }
}
