import Foundation
import LoadTests
import Testing

@Suite("Sources of profiles and variables")
struct ProfileSourcesTests {
    /// A file that is gone when the test is.
    private func withFile(_ content: Data, _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("loadtest-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("file")
        try content.write(to: file)
        try body(file.path)
    }

    private func refusal(of argument: String) -> String? {
        do throws(ProfileError) { _ = try TargetProfile.named(argument) } catch { return error.description }
        return nil
    }

    private func keyed() throws -> TargetProfile {
        try profile(login: #""json": {"key": "{api_key}"},"#, #", "variables": {"api_key": "a key"}"#)
    }

    private func refusal(given arguments: [String], files: [String] = []) throws -> String? {
        let profile = try keyed()
        do throws(ProfileError) { _ = try profile.variables(given: arguments, files: files) } catch {
            return error.description
        }
        return nil
    }

    @Test("What is neither a shipped profile nor a file is refused in one sentence")
    func noFile() {
        #expect(
            refusal(of: "keykloak")
                == "--profile keykloak: no such profile is shipped (there are: portcullis, fastapi-tutorial, bearer), and "
                + "as a file cannot be read: No such file or directory.")
        #expect(refusal(of: "/")?.hasSuffix("and as a file is no regular file.") == true)
        #expect(refusal(of: "/dev/null")?.hasSuffix("and as a file is no regular file.") == true)
    }

    @Test("A file that is too long, or no profile, is refused with its name")
    func wrongFile() throws {
        try withFile(Data(repeating: 0x20, count: TargetProfile.longestFile + 1)) { path throws in
            #expect(refusal(of: path)?.hasSuffix("and as a file is longer than 256 KiB.") == true)
        }
        try withFile(Data(#"{"nome": 1}"#.utf8)) { path throws in
            #expect(refusal(of: path)?.hasPrefix("\(path): nome: this is no member known here") == true)
        }
    }

    @Test("A profile is read from a file")
    func file() throws {
        let text = #"""
            {"name": "mine", "operations": {"verify":
                {"method": "GET", "path": "/", "success": {"status": [200]}}}}
            """#
        try withFile(Data(text.utf8)) { path throws in #expect(try TargetProfile.named(path).name == "mine") }
    }

    @Test("Variables of the command line that are wrong are refused, and their values not repeated")
    func wrongVariables() throws {
        #expect(try refusal(given: ["s3cret"]) == "--var must be NAME=VALUE.")
        #expect(
            try refusal(given: ["api-key=s3cret"])
                == "--var api-key: the profile x has no such variable (it has api_key).")
        #expect(try refusal(given: ["api_key="]) == "--var api_key: the value is empty.")
        #expect(try refusal(given: ["api_key=a", "api_key=b"]) == "--var api_key: it is given twice.")
        #expect(
            try refusal(given: ["api_key=a"], files: ["api_key=/dev/null"]) == "--var-file api_key: it is given twice.")
        #expect(
            try refusal(given: [], files: ["api_key=/dev/null"])
                == "--var-file api_key: /dev/null is no regular file.")
        try withFile(Data([0xFF])) { path throws in
            #expect(
                try refusal(given: [], files: ["api_key=\(path)"])
                    == "--var-file api_key: \(path) is empty or not UTF-8.")
        }
    }

    @Test("A value may hold an equals sign, and one from a file loses one line end")
    func variables() throws {
        #expect(try keyed().variables(given: ["api_key=a=b"])["api_key"] == "a=b")
        try withFile(Data(" a \n\n".utf8)) { path throws in
            #expect(try keyed().variables(given: [], files: ["api_key=\(path)"])["api_key"] == " a \n")
        }
    }
}
