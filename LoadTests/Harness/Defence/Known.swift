/// What was measured, or why it could not be, in a few words: the reason reaches the scoreboard as it stands.
package enum Known<Value: Sendable>: Sendable {
    case known(Value)
    case unknown(String)

    package func map<Result: Sendable>(_ transform: (Value) -> Result) -> Known<Result> {
        switch self {
        case .known(let value): .known(transform(value))
        case .unknown(let reason): .unknown(reason)
        }
    }
}

extension Known: Equatable where Value: Equatable {}
