/// What templates are filled with: one user's names and tokens. Cheap to copy; secrets do not come out of it by
/// accident, since neither printing nor reflecting shows a value.
package struct Variables: Sendable, CustomStringConvertible, CustomReflectable {
    /// A user has fewer than ten: walking them is quicker than hashing a name.
    private var entries: [(name: String, value: String)] = []

    package init() {}

    /// Nil for what nobody has given yet; setting nil takes it away.
    package subscript(_ name: String) -> String? {
        get { entries.first { $0.name == name }?.value }
        set {
            let index = entries.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (let index?, nil): entries.remove(at: index)
            case (nil, let value?): entries.append((name, value))
            case (nil, nil): break
            }
        }
    }

    package var names: [String] { entries.map(\.name) }

    package var description: String { "values of \(names.joined(separator: ", "))" }

    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
