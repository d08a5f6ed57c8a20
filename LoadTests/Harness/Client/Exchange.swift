package import HTTP
package import Reactor

/// How an exchange ended.
package enum ExchangeEnd: Sendable, Equatable {
    /// A whole answer, of whatever status.
    case answered
    case timedOut
    /// No connection; the `errno`.
    case refused(Int32)
    /// The connection ended before the answer did.
    case broken
    /// What came was no HTTP/1.1, or larger than is taken.
    case malformed
    /// The run was cut off.
    case cutOff
}

/// One request and what became of it. On its loop only.
package final class Exchange {
    package let request: [UInt8]
    /// When it should go, and when it is given up.
    package let intended: MonotonicTime
    package let deadline: MonotonicTime
    /// When its first byte went; nil when it never did.
    package internal(set) var sent: MonotonicTime?
    /// Called once. The parser has the answer when it was answered, and is nil otherwise.
    private var completion: ((Exchange, ExchangeEnd, ResponseParser?) -> Void)?

    package init(
        _ request: [UInt8], intended: MonotonicTime, deadline: MonotonicTime,
        _ completion: @escaping (Exchange, ExchangeEnd, ResponseParser?) -> Void
    ) {
        self.request = request
        self.intended = intended
        self.deadline = deadline
        self.completion = completion
    }

    func finish(_ end: ExchangeEnd, _ parser: ResponseParser?) {
        guard let completion = completion.take() else { return }
        completion(self, end, parser)
    }
}
