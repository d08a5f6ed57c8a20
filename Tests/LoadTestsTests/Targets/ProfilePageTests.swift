import Foundation
import LoadTests
import Testing

@Suite("The page on profiles")
struct ProfilePageTests {
    private static func page() throws -> String {
        String(decoding: try fileOfRepository("docs/LOADTEST-PROFILES.md"), as: UTF8.self)
    }

    @Test("Every example on the page can be read")
    func examples() throws {
        let examples = try Self.page().components(separatedBy: "```json\n").dropFirst().map { part in
            part.components(separatedBy: "\n```")[0]
        }
        let profiles = try examples.map { try TargetProfile(parsing: Array($0.utf8)) }
        #expect(profiles.map(\.name) == ["keycloak", "supabase-auth", "kratos"])
    }

    @Test("The page names every shipped profile and every operation")
    func names() throws {
        let page = try Self.page()
        for name in TargetProfile.shippedNames + OperationName.allCases.map(\.rawValue) {
            #expect(page.contains("`\(name)`"), "\(name)")
        }
    }
}

/// Of this repository, by its path in it.
func fileOfRepository(_ path: String) throws -> Data {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    return try Data(contentsOf: root.appendingPathComponent(path))
}
