import AuthServer
import Foundation
import Glibc
import JSON
import Logging
import Reactor
import TestSupport
import Testing

/// A pipe of two pages; nobody reads unless a test does.
final class SmallPipe: Sendable {
    let reading: Int32
    let writing: Int32
    private let isReadingOpen = Lock(true)

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError("pipe", code: errno) }
        (reading, writing) = (ends[0], ends[1])
        // F_SETPIPE_SZ, which Glibc's module lacks.
        guard fcntl(writing, 1031, 8192) == 8192 else { throw SystemError("fcntl", code: errno) }
        signal(SIGPIPE, SIG_IGN)
    }

    deinit {
        closeReading()
        close(writing)
    }

    func closeReading() {
        isReadingOpen.withLock { isOpen in
            if isOpen { close(reading) }
            isOpen = false
        }
    }

    /// What is there now.
    func read() -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var entry = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, 0) > 0 {
            let count = Glibc.read(reading, &buffer, buffer.count)
            guard count > 0 else { break }
            all += buffer[..<count]
        }
        return all
    }
}

@Suite(.timeLimit(.minutes(2))) struct LogQueueTests {
    /// 100 bytes with its end.
    private static let line = [UInt8](repeating: UInt8(ascii: "x"), count: 99)

    @Test func `a reader who does not read costs lines, which are counted, and no time`() throws {
        let pipe = try SmallPipe()
        let queue = try LogQueue(descriptor: pipe.writing, capacity: 10_000)
        let start = MonotonicTime.now
        for _ in 0..<100_000 { queue.append(LogQueueTests.line) }
        #expect(MonotonicTime.now.nanoseconds(since: start) < 5_000_000_000)
        #expect(queue.dropped >= 100_000 - 300)
        let stopping = MonotonicTime.now
        queue.stop()
        #expect(MonotonicTime.now.nanoseconds(since: stopping) < 5_000_000_000)
        #expect(queue.dropped + queue.written == 100_000)
        // What is in the pipe is whole lines.
        let bytes = pipe.read()
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        #expect(bytes.last == UInt8(ascii: "\n"))
        #expect(lines.filter { Array($0) == LogQueueTests.line }.count == queue.written && queue.written > 0)
        #expect(lines.allSatisfy { Array($0) == LogQueueTests.line || $0.first == UInt8(ascii: "{") })
    }

    @Test func `a reader who comes back gets what waited and is told what was dropped`() async throws {
        let pipe = try SmallPipe()
        let queue = try LogQueue(descriptor: pipe.writing, capacity: 1000)
        for _ in 0..<1000 { queue.append(LogQueueTests.line) }
        let dropped = queue.dropped
        #expect(dropped > 0)
        let read = Lock<[UInt8]>([])
        await until {
            read.withLock { $0 += pipe.read() }
            return queue.written >= 1000 - dropped
        }
        queue.append(Array("the last".utf8))
        await until { queue.written > 1000 - dropped }
        queue.stop()
        read.withLock { $0 += pipe.read() }
        let lines = read.withLock { $0 }.split(separator: UInt8(ascii: "\n")).map { Array($0) }
        #expect(lines.last == Array("the last".utf8))
        let told = lines.filter { $0.first == UInt8(ascii: "{") }.compactMap { line -> Int64? in
            guard let object = (try? JSONValue(parsing: line))?.object else { return nil }
            #expect(object["message"]?.string == "log lines were dropped")
            return object["count"]?.integer
        }
        #expect(told.reduce(0, +) == Int64(dropped))
    }

    @Test func `a reader who left costs lines alone`() async throws {
        let pipe = try SmallPipe()
        let queue = try LogQueue(descriptor: pipe.writing)
        pipe.closeReading()
        queue.append(LogQueueTests.line)
        await until { queue.dropped == 1 }
        queue.append(LogQueueTests.line)
        queue.stop()
        #expect(queue.dropped == 2 && queue.written == 0)
        queue.append(LogQueueTests.line)
        #expect(queue.dropped == 3)
    }

    @Test func `a line that is too long for one piece is dropped, the longest that fits is not`() throws {
        let pipe = try SmallPipe()
        let queue = try LogQueue(descriptor: pipe.writing)
        queue.append([UInt8](repeating: UInt8(ascii: "x"), count: 4096))
        queue.append([UInt8](repeating: UInt8(ascii: "y"), count: 4095))
        queue.stop()
        #expect(queue.dropped == 1 && queue.written == 1)
        #expect(pipe.read().split(separator: UInt8(ascii: "\n")).last?.count == 4095)
    }

    @Test func `whatever an event says, it is one line of JSON`() throws {
        let hostile = "\"}\n{\"level\":\"info\"\r\u{0}\u{1B}[2J\u{7F}\u{85}\u{2028}\\ é 🦉"
        let pipe = try SmallPipe()
        let queue = try LogQueue(descriptor: pipe.writing)
        var logger = Logger(label: "test") { _ in JSONLogHandler(queue: queue, logLevel: .info) }
        logger[metadataKey: "of the logger"] = "\(hostile)"
        logger.warning("\(hostile)", metadata: [hostile: "1", "list": ["a", "\(hostile)"]])
        logger.debug("below the level")
        queue.stop()
        let bytes = pipe.read()
        #expect(bytes.last == UInt8(ascii: "\n") && bytes.filter { $0 < 0x20 }.count == 1)
        let object = try #require(try JSONValue(parsing: bytes).object)
        #expect(object["level"]?.string == "warning")
        #expect(object["message"]?.string == hostile)
        #expect(object[hostile]?.string == "1")
        #expect(object["of the logger"]?.string == hostile)
        let time = try #require(object["time"]?.string)
        #expect(time.wholeMatch(of: /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test(arguments: ["x", "é", "🦉", "e\u{301}\u{301}", "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}"])
    func `long texts are clipped at a character`(_ character: String) throws {
        let pipe = try SmallPipe()
        let queue = try LogQueue(descriptor: pipe.writing)
        let logger = Logger(label: "test") { _ in JSONLogHandler(queue: queue, logLevel: .info) }
        let text = String(repeating: character, count: 5000)
        logger.info("\(text)", metadata: ["key": "\(text)"])
        queue.stop()
        let object = try #require(try JSONValue(parsing: pipe.read()).object)
        for name in ["message", "key"] {
            let clipped = try #require(object[name]?.string)
            #expect(clipped.hasSuffix("…") && clipped.utf8.count <= 515 && clipped.utf8.count > 480)
            #expect(clipped.dropLast().allSatisfy { String($0) == character })
        }
    }
}
