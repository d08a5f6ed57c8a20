import Passwords

/// The name of an account in its one stored form: NFC, case-folded, 1 to 254 bytes of UTF-8, without white space at
/// either end and without anything invisible or undefined that could make two names look alike.
package struct Username: Sendable, Hashable, CustomStringConvertible {
    /// The longest name, in bytes of UTF-8, before and after folding.
    package static let maximumBytes = 254

    package let text: String

    /// From what a client sent; nil when it cannot be a name. Checked before folding, so that its cost is bounded.
    package init?(_ input: String) {
        guard !input.isEmpty, input.utf8.count <= Username.maximumBytes, Username.isAcceptable(input) else {
            return nil
        }
        let folded = UnicodeText.caseFolded(input)
        guard !folded.isEmpty, folded.utf8.count <= Username.maximumBytes, Username.isAcceptable(folded) else {
            return nil
        }
        text = folded
    }

    /// From a store, which only ever held the form above.
    package init(stored text: String) { self.text = text }

    package var description: String { text }

    private static func isAcceptable(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        guard let first = scalars.first, let last = scalars.last,
            !first.properties.isWhitespace, !last.properties.isWhitespace
        else { return false }
        return scalars.allSatisfy { scalar in
            if scalar.properties.isDefaultIgnorableCodePoint { return false }
            return switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
    }
}
