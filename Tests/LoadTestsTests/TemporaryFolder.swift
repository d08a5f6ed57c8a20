import Foundation

/// The path of a new folder where the system keeps what is temporary; its maker removes it.
func temporaryFolder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: "loadtest-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    return folder.path
}
