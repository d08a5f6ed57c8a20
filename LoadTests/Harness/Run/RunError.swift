/// Why a run could not take place, in one sentence for whoever started it, and the exit code (sysexits).
package struct RunError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
    package let exitCode: Int32

    package init(_ description: String, exitCode: Int32) {
        self.description = description
        self.exitCode = exitCode
    }

    /// A wrong command line.
    package static func usage(_ text: String) -> RunError { RunError(text, exitCode: 64) }
    /// The target gave what the profile does not expect.
    package static func data(_ text: String) -> RunError { RunError(text, exitCode: 65) }
    /// The target is not there, or not ready.
    package static func unavailable(_ text: String) -> RunError { RunError(text, exitCode: 69) }
    package static func system(_ text: String) -> RunError { RunError(text, exitCode: 71) }
    /// The target has not consented.
    package static func forbidden(_ text: String) -> RunError { RunError(text, exitCode: 77) }
    package static let interrupted = RunError("Interrupted before anything was measured.", exitCode: 130)
}
