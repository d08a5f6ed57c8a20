/// Why a profile, or what the command line says about one, is refused: one sentence that begins with the place, such as
/// `operations.login.success.status[0]: …`. It never carries the value of a variable.
package struct ProfileError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// `place` is empty for the whole file.
    init(at place: String, _ problem: String) {
        description = place.isEmpty ? "The profile \(problem)." : "\(place): \(problem)."
    }
}

/// Why a request cannot be made from a template: one sentence, without the values.
package struct TemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// What an answer lacks that its profile says is in it: one sentence, without what is in the answer.
package struct CaptureError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
