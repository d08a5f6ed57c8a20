import Foundation

/// The Unicode operations that neither the standard library nor our own code has: the only file of the house below
/// `AuthServer` that imports Foundation. Login and registration come here, verify never.
package enum UnicodeText {
    /// Normalization Form C (Unicode Standard Annex 15).
    package static func normalized(_ text: String) -> String {
        text.precomposedStringWithCanonicalMapping
    }

    /// Full case folding under canonical equivalence, in Normalization Form C: two spellings of one name give equal
    /// bytes. Independent of any locale.
    package static func caseFolded(_ text: String) -> String {
        unvaried(text).decomposedStringWithCanonicalMapping
            .folding(options: .caseInsensitive, locale: nil)
            .precomposedStringWithCanonicalMapping
    }

    /// Cyrillic Extended-C holds variant forms of ordinary letters, which fold to these (CaseFolding.txt). Foundation leaves
    /// them as they are: two names that read alike would be two.
    private static func unvaried(_ text: String) -> String {
        let variants: ClosedRange<Unicode.Scalar> = "\u{1C80}"..."\u{1C8F}"
        guard text.unicodeScalars.contains(where: variants.contains) else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            result += variants.contains(scalar) ? scalar.properties.uppercaseMapping : String(scalar)
        }
    }
}
