import Redis

/// Names an entry of a stream: the server's milliseconds and a count within them.
struct StreamPosition: Sendable, Hashable, Comparable, CustomStringConvertible {
    let milliseconds: UInt64
    let count: UInt64

    static let beginning = StreamPosition(milliseconds: 0, count: 0)

    init(milliseconds: UInt64, count: UInt64) {
        self.milliseconds = milliseconds
        self.count = count
    }

    /// As the server writes it: `1700000000000-0`.
    init?(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let milliseconds = UInt64(String(decoding: parts[0], as: UTF8.self)),
            let count = UInt64(String(decoding: parts[1], as: UTF8.self))
        else { return nil }
        self.init(milliseconds: milliseconds, count: count)
    }

    var description: String { "\(milliseconds)-\(count)" }

    static func < (left: StreamPosition, right: StreamPosition) -> Bool {
        (left.milliseconds, left.count) < (right.milliseconds, right.count)
    }
}

/// One read from the stream.
struct StreamRead: Sendable, Equatable {
    /// In order; what has no payload of ours is empty.
    let payloads: [[UInt8]]
    /// Of the last entry read; where to go on.
    let position: StreamPosition
}

/// What carries entries between the nodes. Nothing is promised: an entry may come twice, late or never, and all may be
/// lost; `FeedProgress` finds out. Called on one loop.
protocol RevocationStream: Sendable {
    /// Whether it is worth waiting for. Any thread.
    var isAvailable: Bool { get }

    /// Appends in order and returns how many of `payloads`, from the first, are there for sure.
    func append(_ payloads: [[UInt8]]) async throws(RedisError) -> Int

    /// The last entry's position; the beginning when there is none.
    func last() async throws(RedisError) -> StreamPosition

    /// Waits up to a second for what comes after `position`; nil when nothing came.
    func read(after position: StreamPosition) async throws(RedisError) -> StreamRead?

    /// Ends what waits in `read`.
    func close() async
}
