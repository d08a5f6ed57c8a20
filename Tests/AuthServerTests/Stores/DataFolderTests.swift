import AuthServer
import Foundation
import Testing

struct DataFolderTests {
    @Test func `a folder that is not there is made for its owner alone, and so are its files`() throws {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        #expect(try mode(folder.path) == 0o700)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            #expect(try mode(folder.path + "/" + name) == 0o600, "\(name)")
        }
        try store.close()
    }

    @Test func `a second server on one folder is refused and told whose it is, until the first has ended`() throws {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        let refusal = #expect(throws: StoreRefusal.self) { try DataFolder.open(folder.path) }
        #expect(refusal?.reason == .inUse(processID: getpid()))
        #expect(refusal?.description.contains("in use by process \(getpid())") == true)
        try store.close()
        try folder.open().close()
    }

    @Test func `a folder that others may write to, and what is no folder, are refused`() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: false)
        for permissions in [0o720, 0o702, 0o777] {
            try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: folder.path)
            let refusal = #expect(throws: StoreRefusal.self) { try DataFolder.open(folder.path) }
            #expect(refusal?.reason == .unusable && refusal?.description.contains("chmod go-w") == true)
        }
        for path in ["/dev/null", "/nowhere/to/be/found", "", "a\0b"] {
            #expect(throws: StoreRefusal.self) { try DataFolder.open(path) }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func `a file is written whole, for its owner alone, in place of the one before`() throws {
        let folder = try TemporaryFolder()
        let data = try DataFolder.open(folder.path)
        try data.write(Array("first".utf8), to: "master.key")
        try data.write(Array("second".utf8), to: "master.key")
        #expect(try String(contentsOfFile: folder.path + "/master.key", encoding: .utf8) == "second")
        #expect(try mode(folder.path + "/master.key") == 0o600)
        #expect(try Set(folder.contents().keys) == ["lock", "master.key"])
        data.release()
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }
}
