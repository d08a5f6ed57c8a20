/// Why a command was not answered, or how it was refused.
package enum RedisError: Error, Sendable, Equatable {
    /// The breaker is open or there is no connection: nothing was sent.
    case unavailable
    /// No answer within the deadline. The command may have been carried out; its connection is closed, so that a late
    /// reply answers nothing.
    case timedOut
    /// The connection broke after the command was sent: it may have been carried out.
    case disconnected
    /// The server answered an error; its first word (`NOSCRIPT`, `OOM`, `WRONGPASS`, `READONLY`, …) and the rest.
    case refused(String)
    /// What came is no reply that Redis sends to such a command, or is larger than any may be.
    case malformed
}
