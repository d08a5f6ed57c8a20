package import HTTP
package import Reactor

/// What is known of a request besides its bytes.
package struct Exchange: Sendable {
    /// Whose request it is: the connection's other end, or who a trusted proxy says stands behind it; then the port is
    /// 0. `.none` on a Unix socket.
    package let client: SocketAddress
    /// Nil of a head that could not be read.
    package let method: Method?
    /// When its first byte came: latencies and deadlines count from here.
    package let firstByte: MonotonicTime
    /// Goes into `X-Request-Id`, problems and the log. A trusted proxy's own, if it sent one.
    package let requestID: RequestID
}

/// What the serializer needs besides the answer.
package struct ResponseFrame: Sendable {
    package let date: HTTPDate
    package let keepAlive: Bool
    package let headOnly: Bool
}

/// What a handler did with a request's head.
package enum Reply: Sendable, Equatable {
    /// The whole answer is in the output. A body that follows is read and thrown away.
    case answered
    /// The body is wanted, at most `bodyLimit` bytes of it; then `respond` is asked. `fields` go with the answer, whoever
    /// makes it: also with one that the connection gives by itself (408, 413, 503).
    case collect(bodyLimit: Int, fields: Headers = Headers())
}

/// Answers the requests of one loop's connections, always on that loop.
package protocol RequestHandler: AnyObject, Sendable {
    /// A head is whole. `bytes` start with it and are valid during the call only. The hot path answers here, without a
    /// task: `frame` and `output` are what `ResponseSerializer` needs.
    func begin(
        _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, _ exchange: Exchange,
        _ frame: ResponseFrame, _ output: inout OutputBuffer
    ) -> Reply

    /// The answer to a request whose body was collected. Cancelled when the peer left.
    func respond(to request: Request, _ exchange: Exchange) async -> Response

    /// The connection answered by itself: a request that could not be read (4xx, 5xx) or took too long (408, 503).
    func refused(_ status: Status, _ exchange: Exchange)
}
