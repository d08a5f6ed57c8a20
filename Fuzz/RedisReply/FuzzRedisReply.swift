import Driver
import Glibc
import Redis

/// Replies do not depend on how the network cut them, keep the limits, and read the same when they are written again. The
/// first byte of an input says in what pieces the rest is fed.
@main
enum FuzzRedisReply {
    /// Small, so that inputs reach them.
    static let limits: ReplyLimits = {
        var limits = ReplyLimits()
        limits.depth = 5
        limits.elements = 64
        limits.stringBytes = 256
        limits.replyBytes = 2048
        return limits
    }()

    static func main() {
        exit(
            fuzz { input in
                guard let first = input.first else { return }
                let bytes = UnsafeRawBufferPointer(rebasing: input[1...])
                let (replies, isGood) = read(bytes, pieces: max(1, bytes.count), limits)
                let again = read(bytes, pieces: 1 + Int(first) % 64, limits)
                guard again.replies == replies, again.isGood == isGood else { violated("pieces make no difference") }
                for reply in replies {
                    var elements = 0
                    check(reply, depth: 0, elements: &elements)
                    guard elements <= limits.elements else { violated("no more elements than the limit") }
                }
                let written = replies.flatMap { write($0) }
                // Written out, a line may be longer than it was.
                let back = written.withUnsafeBytes { read($0, pieces: max(1, written.count), ReplyLimits()) }
                guard back.isGood, back.replies == replies else { violated("what is written reads the same") }
            })
    }

    static func read(
        _ bytes: UnsafeRawBufferPointer, pieces size: Int, _ limits: ReplyLimits
    ) -> (replies: [RedisValue], isGood: Bool) {
        let reader = ReplyReader(limits: limits)
        var replies: [RedisValue] = []
        var start = 0
        do throws(MalformedReply) {
            while start < bytes.count {
                let end = min(bytes.count, start + size)
                try reader.feed(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                while let reply = try reader.next() { replies.append(reply) }
                start = end
            }
            return (replies, true)
        } catch {
            return (replies, false)
        }
    }

    static func check(_ value: RedisValue, depth: Int, elements: inout Int) {
        switch value {
        case .null, .integer: return
        case .bytes(let bytes): guard bytes.count <= limits.stringBytes else { violated("no string over the limit") }
        // What is no UTF-8 takes three bytes for one.
        case .error(let text):
            guard text.utf8.count <= 3 * limits.stringBytes else { violated("no error over the limit") }
        case .array(let values):
            guard depth < limits.depth else { violated("no deeper than the limit") }
            elements += values.count
            for value in values { check(value, depth: depth + 1, elements: &elements) }
        }
    }

    static func write(_ value: RedisValue) -> [UInt8] {
        switch value {
        case .null: Array("$-1\r\n".utf8)
        case .integer(let number): Array(":\(number)\r\n".utf8)
        case .bytes(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + [0x0D, 0x0A]
        case .error(let text): Array("-\(text)\r\n".utf8)
        case .array(let values): Array("*\(values.count)\r\n".utf8) + values.flatMap { write($0) }
        }
    }
}
