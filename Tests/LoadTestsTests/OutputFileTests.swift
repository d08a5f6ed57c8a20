import Glibc
import LoadTests
import Testing

@Suite("Report files")
struct OutputFileTests {
    /// A folder of its own for each test, removed with what is in it.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = try temporaryFolder()
        defer {
            for name in names(in: folder) { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        try body(folder)
    }

    private func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    private func content(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private func put(_ text: String, _ path: String) throws {
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
    }

    @Test("A place where no report can be is refused at once, with the reason")
    func refused() throws {
        try withFolder { (folder) throws in
            try put("old", "\(folder)/file")
            symlink("/nowhere/at/all", "\(folder)/dangling")
            let long = String(repeating: "n", count: 300)
            for (path, reason) in [
                ("", "which is not empty"), (folder, "Is a directory"), ("\(folder)/", "Is a directory"),
                ("\(folder)/none/a.json", "No such file or directory"), ("\(folder)/file/a.json", "Not a directory"),
                ("\(folder)/\(long)", "File name too long"), ("\(folder)/new/", "Is a directory"),
                ("\(folder)/dangling", "No such file or directory"),
            ] {
                #expect {
                    _ = try OutputFile(path)
                } throws: {
                    let words = "\($0)"
                    return words.contains(reason) && words.contains(path) && words.hasSuffix(".")
                }
            }
            #expect(names(in: folder).sorted() == ["dangling", "file"])
            #expect(content("\(folder)/file") == "old")
        }
    }

    @Test("Two reports are not written to one file, by whatever name")
    func same() throws {
        try withFolder { (folder) throws in
            #expect {
                _ = try OutputFile.prepare(["\(folder)/a", "\(folder)/./a"])
            } throws: {
                "\($0)".hasPrefix("Two reports cannot be written to the same file ")
            }
            #expect(try OutputFile.prepare(["\(folder)/a", "\(folder)/b", "/dev/null"]).count == 3)
        }
    }

    @Test("Until it is written an old report stays whole and a new one is not there; then it is all there")
    func replaced() throws {
        try withFolder { (folder) throws in
            try put("old", "\(folder)/old")
            chmod("\(folder)/old", 0o640)
            symlink("old", "\(folder)/link")
            let files = try OutputFile.prepare(["\(folder)/link", "\(folder)/new"])
            #expect(content("\(folder)/old") == "old")
            #expect(names(in: folder).sorted() == ["link", "old"])
            for file in files { try file.write(Array("whole".utf8)) }
            #expect(content("\(folder)/old") == "whole")
            #expect(content("\(folder)/new") == "whole")
            #expect(names(in: folder).sorted() == ["link", "new", "old"])
            var found = stat()
            #expect(lstat("\(folder)/link", &found) == 0 && found.st_mode & S_IFMT == S_IFLNK)
            #expect(stat("\(folder)/old", &found) == 0 && found.st_mode & 0o777 == 0o640)
        }
    }

    @Test("A device is written to and stays what it is; a full one is said to be full")
    func devices() throws {
        try OutputFile("/dev/null").write([1, 2, 3])
        var found = stat()
        #expect(stat("/dev/null", &found) == 0 && found.st_mode & S_IFMT == S_IFCHR)
        let full = try OutputFile("/dev/full")
        #expect {
            try full.write([1])
        } throws: {
            "\($0)" == "The report /dev/full cannot be written: No space left on device."
        }
    }
}
