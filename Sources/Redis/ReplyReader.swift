internal import CHiredis

/// Why bytes are no reply: the server broke the protocol or a limit.
package struct MalformedReply: Error, Equatable {}

/// Bytes of the network into replies, with hiredis' reader.
///
/// hiredis cuts the bytes; the values are built here (`ReplyBuilder`), so that nothing is ever allocated for a count that was
/// only announced. Not Sendable: it belongs to one connection. After an error it is good for nothing.
package final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    private let builder: ReplyBuilder
    private let limits: ReplyLimits
    /// Bytes taken that are not part of a reply handed out.
    private var openBytes = 0
    /// Bytes that the newest reply took on the wire.
    private(set) var replyBytes = 0
    private var isBroken = false

    /// Room that hiredis keeps once everything is read; more goes back.
    private static let idleBufferBytes = 64 * 1024
    /// Mark, length and line ends around a string.
    private static let headBytes = 64

    package init(limits: ReplyLimits = ReplyLimits()) {
        self.limits = limits
        builder = ReplyBuilder(limits: limits)
        // Fails only where no memory is left, which Swift does not survive either.
        reader = redisReaderCreateWithFunctions(ReplyBuilder.functions)!
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
        reader.pointee.maxbuf = ReplyReader.idleBufferBytes
    }

    deinit { redisReaderFree(reader) }

    /// Takes bytes; `next` then gives the replies that they complete.
    package func feed(_ bytes: UnsafeRawBufferPointer) throws(MalformedReply) {
        guard !isBroken else { throw MalformedReply() }
        guard !bytes.isEmpty else { return }
        openBytes += bytes.count
        let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
        guard redisReaderFeed(reader, start, bytes.count) == REDIS_OK else { throw broken() }
    }

    /// The next whole reply; nil until more bytes are there.
    package func next() throws(MalformedReply) -> RedisValue? {
        guard !isBroken else { throw MalformedReply() }
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw broken() }
        let rest = Int(reader.pointee.len) - Int(reader.pointee.pos)
        guard reply != nil else {
            // What is left is of one string, line or count that is not whole, and hiredis looks for its end from its
            // beginning each time.
            let isTooLong = rest > limits.stringBytes + ReplyReader.headBytes || openBytes > limits.replyBytes
            if isTooLong { throw broken() }
            return nil
        }
        replyBytes = openBytes - rest
        openBytes = rest
        guard replyBytes <= limits.replyBytes, let value = builder.take() else { throw broken() }
        return value
    }

    private func broken() -> MalformedReply {
        isBroken = true
        return MalformedReply()
    }
}
