/// How long a connection may take for what, in milliseconds. Head, body and total are counted from the first byte of
/// the request, so that sending a byte now and then buys no time.
package struct Deadlines: Sendable, Equatable {
    /// Until the head is whole.
    package var head: Int64 = 10_000
    /// Until the body is whole.
    package var body: Int64 = 30_000
    /// Until the answer is ready.
    package var total: Int64 = 60_000
    /// Between requests, and before the first.
    package var idle: Int64 = 75_000
    /// For the peer to take an answer.
    package var write: Int64 = 30_000
    /// For the peer to close after our last answer.
    package var linger: Int64 = 2_000
    /// For an idle connection once the server drains: what is on its way is still answered.
    package var drainingIdle: Int64 = 1_000

    package init() {}
}
