import HTTP
import Testing

/// What became of a head.
enum Outcome: Equatable {
    case head(RequestHead)
    case incomplete
    case refused(RequestError)

    var status: UInt16? { if case .refused(let error) = self { error.status.code } else { nil } }
    var head: RequestHead? { if case .head(let head) = self { head } else { nil } }
}

/// Feeds `bytes` cut behind each of `cuts`, from a new place in memory each time.
func read(_ bytes: [UInt8], cuts: [Int] = [], limits: Limits = Limits()) -> Outcome {
    var parser = RequestParser(limits: limits)
    for count in cuts + [bytes.count] {
        let received = Array(bytes[..<count])
        do throws(RequestError) {
            let isComplete = try received.span.bytes.withUnsafeBytes { (bytes) throws(RequestError) -> Bool in
                try parser.parse(bytes)
            }
            if isComplete { return .head(parser.head) }
        } catch {
            return .refused(error)
        }
    }
    return .incomplete
}

func read(_ text: String, limits: Limits = Limits()) -> Outcome { read(Array(text.utf8), limits: limits) }

/// The text of a part of a head.
func part(_ range: ByteRange?, of text: String) -> String? {
    range.map { String(decoding: Array(text.utf8)[Int($0.start)..<Int($0.start + $0.count)], as: UTF8.self) }
}

/// A head and the status that refuses it.
struct RefusedHead: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let status: UInt16

    init(_ name: String, _ text: String, _ status: UInt16 = 400) {
        self.init(name, Array(text.utf8), status)
    }

    init(_ name: String, _ bytes: [UInt8], _ status: UInt16 = 400) {
        self.name = name
        self.bytes = bytes
        self.status = status
    }

    /// A sound POST with these field lines more; each ends with CRLF.
    static func fields(_ name: String, _ lines: String, _ status: UInt16 = 400) -> RefusedHead {
        RefusedHead(name, "POST /a HTTP/1.1\r\nHost: a.example\r\n" + lines + "\r\n", status)
    }

    /// A sound GET but for this Host value.
    static func host(_ name: String, _ value: String) -> RefusedHead {
        RefusedHead(name, "GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n")
    }

    /// A sound GET but for its target.
    static func target(_ name: String, _ target: String, _ status: UInt16 = 400) -> RefusedHead {
        RefusedHead(name, "GET " + target + " HTTP/1.1\r\nHost: a.example\r\n\r\n", status)
    }

    var testDescription: String { name }
}
