/// Why a command did not reach a server of its data folder, with the exit code that says so to scripts (sysexits.h).
package struct ControlFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: StartupError.ExitCode
    package let description: String

    init(_ code: StartupError.ExitCode, _ description: String) {
        self.code = code
        self.description = description
    }

    init(_ error: StartupError) {
        code = error.code
        description = error.description
    }

    static func noDataFolder(_ path: String) -> ControlFailure {
        ControlFailure(
            .noInput,
            "There is no data folder of Portcullis at \(path): name it with --data or PORTCULLIS_DATA. A server makes one "
                + "at its first start; commands make none.")
    }

    static func notPermitted(_ path: String) -> ControlFailure {
        ControlFailure(
            .notPermitted, "The data folder \(path) belongs to another user: run this as that user, or as root.")
    }
}
