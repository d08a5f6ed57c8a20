import LoadTests
import Reactor
import Testing

@Suite("Scoreboard: what an attack costs")
struct ScoreboardCostTests {
    private func usage(_ at: UInt64, _ process: UInt64, loop: UInt64, hash: UInt64, start: UInt64 = 1) -> ProcessUsage {
        ProcessUsage(
            processID: 9, start: start, takenAt: MonotonicTime(nanoseconds: at), tickNanoseconds: process,
            threads: [1: .init(name: "loop-0", nanoseconds: loop), 2: .init(name: "hash-0", nanoseconds: hash)],
            residentBytes: 0, descriptors: nil)
    }

    private func board() -> Scoreboard {
        var tally = AttackTally(attack: 10..<20, first: -5)
        for _ in 0..<2_000 { tally.attempt(at: 12, .refused, account: nil) }
        for _ in 0..<10 { tally.verify(at: -1, nanoseconds: 900_000_000) }
        for _ in 0..<1_000 { tally.verify(at: 5, nanoseconds: 1_000_000) }
        for _ in 0..<500 { tally.verify(at: 15, nanoseconds: 3_000_000) }
        for _ in 0..<10 { tally.verify(at: 25, nanoseconds: 900_000_000) }
        var board = Scoreboard(tally: tally, end: 30)
        board.processes = [
            Scoreboard.ProcessWindow(
                idle: usage(0, 0, loop: 1_000, hash: 0), attack: usage(10, 5_000_000, loop: 2_001_000, hash: 10),
                end: usage(20, 905_000_000, loop: 4_001_000, hash: 400_000_010))
        ]
        return board
    }

    private func cost(_ board: Scoreboard) -> (title: String, value: Figure.Value)? {
        board.figures([.cost]).first.map { ($0.title, $0.value) }
    }

    @Test("Without a metric or a process the cost is unknown, and a restarted process is none")
    func unknown() {
        var board = board()
        board.processes[0].end = usage(20, 905_000_000, loop: 0, hash: 0, start: 2)
        #expect(cost(board)?.value == .unknown("a process of the target ended meanwhile"))
        board.processes[0].end = nil
        #expect(cost(board)?.value == .unknown("a process of the target ended meanwhile"))
        board.processes = []
        #expect(cost(board)?.value == .unknown("the target's process is not known here"))
        board.tally = AttackTally(attack: 10..<20)
        board.hashSeconds = .known(CounterIncrease(amount: 1, resets: 0))
        #expect(cost(board)?.value == .unknown("no attempt was made"))
    }

    @Test("The cost is the whole process's, better the hash threads', best what the target says itself")
    func sources() {
        var board = board()
        #expect(cost(board)?.value == .milliseconds(450))
        #expect(cost(board)?.title == "CPU for 1,000 attempts (the whole process)")
        board.hashThreads = "hash-"
        #expect(cost(board)?.value == .milliseconds(200))
        #expect(cost(board)?.title == "CPU for 1,000 attempts (hash threads)")
        board.hashThreads = "argon-"
        #expect(cost(board)?.title == "CPU for 1,000 attempts (the whole process)")
        board.hashSeconds = .known(CounterIncrease(amount: 0.5, resets: 0))
        #expect(cost(board)?.value == .milliseconds(250))
        #expect(cost(board)?.title == "CPU for 1,000 attempts (the target's metric)")
        board.hashSeconds = .known(CounterIncrease(amount: 0.5, resets: 1))
        #expect(cost(board)?.title == "CPU for 1,000 attempts (the whole process)")
    }

    @Test("Verify at rest is what came before the attack, without the warm-up")
    func verify() {
        var board = board()
        var values = ScoreboardTests.values(board, [.verify])
        guard case .milliseconds(let idle) = values["verify_p99_idle"],
            case .ratio(let ratio) = values["verify_p99_ratio"]
        else {
            Issue.record("verify is unknown")
            return
        }
        #expect(abs(idle - 1) < 0.01)
        #expect(abs(ratio - 3) < 0.01)
        #expect(values["cpu_per_verify_ratio"] == nil)
        board.loopThreads = "loop-"
        #expect(ScoreboardTests.values(board, [.verify])["cpu_per_verify_ratio"] == .ratio(2))
        board.loopThreads = "uv-"
        values = ScoreboardTests.values(board, [.verify])
        #expect(values["cpu_per_verify_ratio"] == .unknown("a process has no thread named uv-"))
        board.processes[0].idle = nil
        values = ScoreboardTests.values(board, [.verify])
        #expect(values["cpu_per_verify_ratio"] == .unknown("a process of the target ended meanwhile"))
    }
}
