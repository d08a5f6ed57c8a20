import Auth
import Redis
import Synchronization

/// The stream in Redis. Appending has a connection of its own or shares one; reading blocks its connection and so needs
/// one that nobody else uses.
final class RedisRevocationStream: RevocationStream {
    static let key = "p:revocations"

    private static let field = Array("e".utf8)
    /// Entries of one read: at most four thousand revocations, a few milliseconds of the loop.
    private static let portion = "64"
    private static let blockMilliseconds = "1000"
    /// Above the time that Redis blocks, so that only a server that hangs is given up.
    private static let readMilliseconds: Int64 = 1500
    /// No request waits for it: the feed bounds its own waiting. A Redis that is slow still carries entries.
    private static let appendMilliseconds: Int64 = 1000
    /// What is older, by Redis' clock, refuses no token any more.
    private static let retentionMilliseconds = UInt64(RevocationRetention.milliseconds)
    /// Some 100 MB at three hundred bytes each, whatever comes in within the retention. Nobody needs what is cut: a reader
    /// who lags so far behind sees the gap and has it from the database.
    private static let maximumLength = "262144"
    /// The length is looked at once in so many appends.
    private static let trimInterval: UInt64 = 64

    private let writer: RedisClient
    private let reader: RedisClient
    /// Redis' clock as its last answer showed it, in milliseconds; 0 before.
    private let newest = Atomic<UInt64>(0)
    private let appends = Atomic<UInt64>(0)

    init(writer: RedisClient, reader: RedisClient) {
        self.writer = writer
        self.reader = reader
    }

    var isAvailable: Bool { writer.isAvailable }

    func append(_ payloads: [[UInt8]]) async throws(RedisError) -> Int {
        let newest = newest.load(ordering: .relaxed)
        var commands = payloads.enumerated().map { index, payload in
            RedisRevocationStream.add(payload, newest: index == payloads.count - 1 ? newest : 0)
        }
        let count = appends.wrappingAdd(1, ordering: .relaxed).oldValue
        if count.isMultiple(of: RedisRevocationStream.trimInterval) {
            commands.append(
                RedisCommand("XTRIM", RedisRevocationStream.key, "MAXLEN", "~", RedisRevocationStream.maximumLength))
        }
        let replies = try await writer.pipeline(commands, milliseconds: RedisRevocationStream.appendMilliseconds)
        var accepted = 0
        for reply in replies.prefix(payloads.count) {
            guard case .bytes(let id) = reply, let position = StreamPosition(id) else { break }
            accepted += 1
            self.newest.store(position.milliseconds, ordering: .relaxed)
        }
        return accepted
    }

    /// Trims what is out of force when the time is known: the server's own, as it numbers entries by it.
    private static func add(_ payload: [UInt8], newest: UInt64) -> RedisCommand {
        var arguments = [Array("XADD".utf8), Array(key.utf8)]
        if newest > retentionMilliseconds {
            arguments += ["MINID", "~", "\(newest - retentionMilliseconds)"].map { Array($0.utf8) }
        }
        return RedisCommand(arguments + [Array("*".utf8), field, payload])
    }

    func last() async throws(RedisError) -> StreamPosition {
        let reply = try await reader.send(
            RedisCommand("XREVRANGE", RedisRevocationStream.key, "+", "-", "COUNT", "1"),
            milliseconds: RedisRevocationStream.readMilliseconds)
        guard case .array(let entries) = reply else { throw .malformed }
        guard let entry = entries.first else { return .beginning }
        return try RedisRevocationStream.entry(entry).position
    }

    func read(after position: StreamPosition) async throws(RedisError) -> StreamRead? {
        let reply = try await reader.send(
            RedisCommand(
                "XREAD", "COUNT", RedisRevocationStream.portion, "BLOCK", RedisRevocationStream.blockMilliseconds,
                "STREAMS", RedisRevocationStream.key, position.description),
            milliseconds: RedisRevocationStream.readMilliseconds)
        if case .null = reply { return nil }
        guard case .array(let streams) = reply, case .array(let named)? = streams.first, named.count == 2,
            case .array(let entries) = named[1]
        else { throw .malformed }
        var payloads: [[UInt8]] = []
        var last = position
        for entry in entries {
            let (entryPosition, payload) = try RedisRevocationStream.entry(entry)
            payloads.append(payload)
            last = entryPosition
        }
        return StreamRead(payloads: payloads, position: last)
    }

    /// Position and payload; what others put into the stream has any fields and is empty here.
    private static func entry(
        _ value: RedisValue
    ) throws(RedisError) -> (position: StreamPosition, payload: [UInt8]) {
        guard case .array(let parts) = value, parts.count == 2, case .bytes(let id) = parts[0],
            let position = StreamPosition(id)
        else { throw .malformed }
        guard case .array(let fields) = parts[1], fields.count == 2, fields[0] == .bytes(field),
            case .bytes(let payload) = fields[1]
        else { return (position, []) }
        return (position, payload)
    }

    func close() async { await reader.close() }
}
