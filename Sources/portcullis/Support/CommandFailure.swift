import AuthServer

/// Why a command did not do what it was asked, with its exit code.
struct CommandFailure: Error, CustomStringConvertible {
    /// Of sysexits.h; the help of `portcullis` lists them.
    enum Code: Int32 {
        case usage = 64
        case data = 65
        case noInput = 66
        case noUser = 67
        case unavailable = 69
        case internalFailure = 70
        case cannotCreate = 73
        case inputOutput = 74
        case temporaryFailure = 75
        case notPermitted = 77
    }

    let code: Int32
    let description: String

    init(_ code: Code, _ description: String) {
        self.code = code.rawValue
        self.description = description
    }

    init(_ error: StartupError) {
        code = error.code.rawValue
        description = error.description
    }

    init(_ failure: ControlFailure) {
        code = failure.code.rawValue
        description = failure.description
    }
}

/// Nobody reads the output any more (`| head -1`): the end of the command, and no failure.
struct OutputClosed: Error {}
