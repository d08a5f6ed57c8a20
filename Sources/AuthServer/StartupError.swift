import Auth
import Reactor

/// Why the server does not start, with the exit code that says so to scripts (sysexits.h).
package struct StartupError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum ExitCode: Int32, Sendable {
        case dataDamaged = 65
        case noInput = 66
        case unavailable = 69
        case internalFailure = 70
        case systemFailure = 71
        case cannotCreate = 73
        case temporaryFailure = 75
        case notPermitted = 77
        case configuration = 78
    }

    package let code: ExitCode
    package let description: String

    init(_ code: ExitCode, _ description: String) {
        self.code = code
        self.description = description
    }

    init(_ refusal: StoreRefusal) {
        switch refusal.reason {
        case .inUse: code = .temporaryFailure
        case .damaged, .newer: code = .dataDamaged
        case .unusable: code = .cannotCreate
        }
        description = refusal.description
    }

    init(_ error: PostgresMigrationError) {
        switch error.reason {
        case .unavailable: code = .unavailable
        case .incompatible: code = .configuration
        case .unusable: code = .dataDamaged
        case .inUse: code = .temporaryFailure
        }
        description = error.description
    }

    init(_ error: KeyRingError) {
        switch error {
        case .store: code = .unavailable
        case .damaged, .sealed: code = .dataDamaged
        case .signing, .openSSL: code = .internalFailure
        }
        description = error.description
    }

    init(_ what: String, _ error: SystemError) {
        code = .systemFailure
        description = "\(what): \(error)"
    }
}
