import Glibc
import LoadTests
import Reactor
import TestSupport
import Testing

@Suite("Faults on a schedule")
struct FaultScheduleTests {
    /// A clock that the test puts forward.
    private final class Hand: Sendable {
        private let time = Lock(MonotonicTime(nanoseconds: 1_000_000_000))
        var now: MonotonicTime { time.withLock { $0 } }
        func advance(seconds: Int64) { time.withLock { $0 = $0.adding(milliseconds: seconds * 1_000) } }
    }

    private let hand = Hand()

    private func start(_ texts: String...) throws -> FaultSchedule {
        let hand = hand
        return try FaultSchedule(Fault.schedule(texts), origin: hand.now, clock: .manual { hand.now })
    }

    /// A process that is neither there nor a zombie is gone.
    private func isGone(_ processID: Int32) -> Bool { ProcessUsage(of: processID) == nil }

    /// The last word.
    private func number(_ text: String?) throws -> Int32 {
        try #require(text?.split { $0 == " " || $0 == "\n" }.last.flatMap { Int32($0) })
    }

    private func text(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
    }

    @Test("A command that fails, dies, or is not there is an event that says so, and the next one runs")
    func failures() async throws {
        let schedule = try start(
            "0s:a=echo first; echo 'it broke' >&2; exit 3", "0s:b=kill -9 $$", "0s:c=no-such-command-here",
            "1s:d=printf 'fine\\n\\n'")
        await until { schedule.events.count == 3 }
        hand.advance(seconds: 1)
        await until { schedule.events.count == 4 }
        let events = schedule.finish()
        #expect(events.contains { $0.text == "fault a: failed with exit code 3 after 0.0 s: it broke" })
        #expect(events.contains { $0.text == "fault b: ended by signal 9 after 0.0 s" })
        #expect(events.contains { $0.text.hasPrefix("fault c: failed with exit code 127 after 0.0 s: ") })
        #expect(events.last == RunEvent(at: 1, "fault d: done after 0.0 s: fine", until: 1))
    }

    @Test("Nothing begins before its time, and what did not begin says so")
    func notBegun() async throws {
        let schedule = try start("0s:now=echo", "5s:late=echo")
        await until { schedule.events.count == 1 }
        hand.advance(seconds: 4)
        let events = schedule.finish()
        #expect(events.count == 2)
        #expect(events.last == RunEvent(at: 4, "fault late: did not begin, the run ended before"))
    }

    @Test("Nothing outlives the run: not a command that ignores signals, nor what it left in the background")
    func ended() async throws {
        let folder = try temporaryFolder()
        defer { remove(folder + "/child"); remove(folder) }
        let schedule = try start(
            "0s:stubborn=trap '' TERM INT HUP; tail -f /dev/null & echo $! > \(folder)/new; "
                + "mv \(folder)/new \(folder)/child; wait",
            "0s:left=tail -f /dev/null & echo $!")
        await until { schedule.events.count == 1 && access(folder + "/child", F_OK) == 0 }
        let left = try number(schedule.events.first?.text)
        let child = try number(text(folder + "/child"))
        #expect(!isGone(left))
        #expect(!isGone(child))
        #expect(schedule.finish().contains { $0.text.hasPrefix("fault stubborn: was ended with the run") })
        await until { isGone(left) && isGone(child) }
    }

    @Test("A command that takes more than a minute is ended, and others are not kept waiting")
    func patience() async throws {
        let schedule = try start("0s:endless=echo begun; tail -f /dev/null", "1s:next=echo ok")
        hand.advance(seconds: 1)
        await until { schedule.events.count == 1 }
        hand.advance(seconds: 60)
        await until { schedule.events.count == 2 }
        let events = schedule.finish()
        let endless = try #require(events.first { $0.text.hasPrefix("fault endless: was ended for taking too long") })
        #expect(endless.text.contains(" after 6"))
    }

    @Test("Of output that never ends the last line is kept, without what would steer a terminal")
    func output() async throws {
        let script = "head -c 300000 /dev/zero | tr '\\0' x; printf '\\n\\033[31mred\\a\\n'"
        let schedule = try start("0s:loud=\(script)")
        await until { schedule.events.count == 1 }
        #expect(schedule.finish().first?.text == "fault loud: done after 0.0 s: [31mred")
    }

    @Test("Its standard input is empty, and finishing twice tells the same")
    func input() async throws {
        let schedule = try start("0s:reader=cat; echo end")
        await until { schedule.events.count == 1 }
        #expect(schedule.finish() == [RunEvent(at: 0, "fault reader: done after 0.0 s: end", until: 0)])
        #expect(schedule.finish().count == 1)
    }

    @Test("By the machine's own clock a fault comes at its time")
    func realClock() async throws {
        let origin = MonotonicTime.now
        let schedule = try FaultSchedule(Fault.schedule(["60ms=echo ok"]), origin: origin)
        await until { schedule.events.count == 1 }
        #expect(try #require(schedule.finish().first).at >= 0.06)
    }
}
