import Auth
import JWT

/// What a cursor points at.
protocol CursorPosition {
    var cursorBytes: [UInt8] { get }
    init?(cursorBytes: [UInt8])
}

/// Where a page ended, as clients hand it back: base64url of a version and the position. Opaque to them, so that it may
/// become something else; nothing rests on its being kept secret or unforged.
enum Cursor {
    private static let version: UInt8 = 1

    static func text(_ position: some CursorPosition) -> String {
        String(decoding: Base64URL.encode([version] + position.cursorBytes), as: UTF8.self)
    }

    /// Nil for what `text` never gives.
    static func position<Position: CursorPosition>(_ text: String) -> Position? {
        guard text.utf8.count <= 64, let bytes = Base64URL.decode(Array(text.utf8)), bytes.first == version else {
            return nil
        }
        return Position(cursorBytes: Array(bytes.dropFirst()))
    }
}

extension Identifier: CursorPosition {
    var cursorBytes: [UInt8] { bytes }
    init?(cursorBytes: [UInt8]) { self.init(bytes: cursorBytes) }
}

/// An entry of the audit.
extension Int64: CursorPosition {
    var cursorBytes: [UInt8] { stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) } }

    init?(cursorBytes: [UInt8]) {
        guard cursorBytes.count == 8 else { return nil }
        self = cursorBytes.reduce(0) { $0 << 8 | Int64($1) }
        guard self >= 0 else { return nil }
    }
}
