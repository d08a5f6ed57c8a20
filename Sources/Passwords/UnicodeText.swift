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
        text.decomposedStringWithCanonicalMapping
            .folding(options: .caseInsensitive, locale: nil)
            .precomposedStringWithCanonicalMapping
    }
}
