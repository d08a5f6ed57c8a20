import Passwords

extension PasswordProblem {
    /// Completes "password …".
    var requirement: String {
        switch self {
        case .tooShort(let minimum): "must have at least \(minimum) characters"
        case .tooLong(let maximum): "must have at most \(maximum) bytes"
        case .tooCommon: "is among the passwords that are tried first; choose another"
        }
    }
}
