/// What one reply may be at most. A server that sends more is broken or hostile, and its connection is closed.
package struct ReplyLimits: Sendable {
    /// Arrays within arrays. XREAD's replies have 4; hiredis itself takes no more than 7.
    package var depth = 7
    /// Values of one reply, all its arrays together, counted when they are announced: 1,000 stream entries of 8 fields
    /// are 20,000.
    package var elements = 131_072
    /// Bytes of one string.
    package var stringBytes = 1 << 20
    /// Bytes of one reply on the wire, and so of what is kept while it is incomplete: 1,000 stream entries of 1 KB are 1 MB.
    /// The check comes after a read, so that memory may exceed it by the size of one.
    package var replyBytes = 8 << 20
    /// Bytes of all replies of one pipeline on the wire: 10,000 short ones, or two of the longest.
    package var exchangeBytes = 16 << 20

    package init() {}
}
