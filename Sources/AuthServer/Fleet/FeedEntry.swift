import Auth

/// One entry of the stream that the nodes of a fleet tell each other revocations with.
///
/// Nothing that a reader concludes rests on the stream server: each entry carries a tag that only the fleet can make, and
/// each writer numbers its revocations, so that one that is missing (trimmed, flushed, lost in a failover, held back) is
/// noticed with the writer's next entry.
struct FeedEntry: Sendable, Equatable {
    enum Content: Sendable, Equatable {
        /// Revocations of the writer's, numbered on from `first`.
        case revocations(first: UInt64, [Revocation])
        /// All that this writer had answered anybody before `sentAt` has a number below `next` and is in the stream.
        /// With it the nodes that the writer knows, nil as long as it knows none.
        case mark(next: UInt64, NodeList?)
        /// The key rings have changed.
        case keys(version: Int64)
        /// As a mark, and the writer revokes nothing any more.
        case farewell(next: UInt64)
    }

    /// The writer: a new identifier with each start of a node.
    let node: Identifier
    /// Fleet time at the writer.
    let sentAt: UnixTime
    let content: Content
}

/// Which nodes live, as the database said at one moment of its clock.
struct NodeList: Sendable, Equatable {
    /// More are not told to others: each of those finds them in its own poll. A mark stays below five kilobytes.
    static let maximumCount = 256

    let nodes: [Identifier]
    let readAt: UnixTime
}

extension FeedEntry {
    /// Revocations in one entry: below three kilobytes.
    static let maximumRevocations = 64
}
