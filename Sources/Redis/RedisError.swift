/// Why a command was not answered, or how it was refused.
package enum RedisError: Error, Sendable, Equatable {
    /// Nothing was sent: the breaker is open, there was no connection until the deadline, too much is in flight, the call
    /// was cancelled before, or the client is closed.
    case unavailable
    /// No answer within the deadline. The command may have been carried out; its connection is closed, so that a late
    /// reply answers nothing.
    case timedOut
    /// The connection broke, or the call was cancelled, after the command was sent: it may have been carried out.
    case disconnected
    /// The server answered an error; its first word (`NOSCRIPT`, `OOM`, `WRONGPASS`, `READONLY`, …) and the rest.
    case refused(String)
    /// What came is no reply that Redis sends to such a command, or is larger than any may be.
    case malformed
}
