import Auth
import JSON
import Logging

/// Log lines as JSON (RFC 8259): one object, `time` and `level` first. Texts are clipped, so that a line fits; control
/// characters are escaped, so that a line is one line.
enum LogLine {
    /// Of one text; what we log ourselves is far below.
    static let maximumTextBytes = 512
    /// Of one line.
    static let maximumMembers = 5

    static func begin(_ level: Logger.Level, at now: UnixTime, reserving capacity: Int = 512) -> JSONWriter {
        var writer = JSONWriter(reservingCapacity: capacity)
        writer.beginObject()
        writer.key("time")
        writer.string(Timestamp.text(now, milliseconds: true))
        writer.key("level")
        writer.string(level.rawValue)
        return writer
    }

    /// What swift-log hands over.
    static func of(
        _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, at now: UnixTime
    ) -> [UInt8] {
        var writer = begin(level, at: now)
        writer.key("message")
        writer.string(clipped(message))
        // Sorted, so that the same event is the same text.
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }).prefix(maximumMembers) {
            writer.key(clipped(key, 64))
            writer.string(clipped(value.description))
        }
        writer.endObject()
        return writer.bytes
    }

    /// With its end: it is written among whole lines.
    static func ofDropped(_ count: Int) -> [UInt8] {
        var writer = begin(.warning, at: systemTime())
        writer.key("message")
        writer.string("log lines were dropped")
        writer.key("count")
        writer.integer(count)
        writer.endObject()
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    /// At most that many bytes of UTF-8, whole characters. A control character is six bytes when escaped: a line of five
    /// texts may then be too long and is dropped, which is counted.
    static func clipped(_ text: String, _ maximumBytes: Int = maximumTextBytes) -> String {
        guard text.utf8.count > maximumBytes else { return text }
        var end = text.startIndex
        var index = text.startIndex
        while index < text.endIndex, text.utf8.distance(from: text.startIndex, to: index) <= maximumBytes {
            end = index
            index = text.index(after: index)
        }
        return text[..<end] + "…"
    }
}
