import Reactor

/// One pipeline under way: what was asked, what has been answered, and whom to tell. It is told once.
///
/// Not Sendable: it belongs to its client's loop.
final class Exchange {
    typealias Outcome = Result<[RedisValue], RedisError>

    let id: UInt64
    /// How many commands, and so replies.
    let count: Int
    /// Bytes of the commands on the wire, or a little more.
    let byteCount: Int
    /// Until they are written.
    private var commands: [RedisCommand]
    private var replies: [RedisValue] = []
    private var answered = 0
    /// Bytes of its replies on the wire so far.
    private var receivedBytes = 0
    var timer: TimerID?
    private var onFinish: ((Exchange, Outcome) -> Void)?

    init(id: UInt64, commands: [RedisCommand], onFinish: @escaping (Exchange, Outcome) -> Void) {
        self.id = id
        count = commands.count
        byteCount = commands.reduce(0) { $0 + $1.byteCount }
        self.commands = commands
        self.onFinish = onFinish
    }

    /// Nobody waits for it any more; its replies are still to come and are dropped.
    var isFinished: Bool { onFinish == nil }

    /// The commands, once.
    func takeCommands() -> [RedisCommand] {
        defer { commands = [] }
        return commands
    }

    enum Step: Equatable {
        case goesOn
        case complete
        /// All replies together are larger than they may be.
        case tooLarge
    }

    /// Takes the next reply, of `byteCount` bytes on the wire.
    func take(_ reply: RedisValue, byteCount: Int, limits: ReplyLimits) -> Step {
        answered += 1
        receivedBytes += byteCount
        guard receivedBytes <= limits.exchangeBytes else { return .tooLarge }
        if !isFinished { replies.append(reply) }
        guard answered == count else { return .goesOn }
        finish(.success(replies))
        return .complete
    }

    func finish(_ outcome: Outcome) {
        guard let tell = onFinish.take() else { return }
        replies = []
        tell(self, outcome)
    }
}
