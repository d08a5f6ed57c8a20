import ArgumentParser
import LoadTests

struct Profiles: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the profiles that come along, or check a file.",
        discussion: """
            docs/LOADTEST-PROFILES.md says how to write one.

            EXAMPLES
              loadtest profiles
              loadtest profiles mine.json
            """)

    @Argument(help: "A shipped name or a file.") var profile: String?

    func run() throws {
        guard let profile else {
            for name in TargetProfile.shippedNames { write(name + "\n", to: 1) }
            return
        }
        do throws(ProfileError) {
            let read = try TargetProfile.named(profile)
            let operations = read.operations.map(\.name.rawValue).joined(separator: ", ")
            write("\(read.name): \(read.summary)\noperations: \(operations)\n", to: 1)
            for (name, summary) in read.variables { write("--var \(name): \(summary)\n", to: 1) }
        } catch {
            throw failure(error.description, 65)
        }
    }
}
