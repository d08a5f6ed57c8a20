import AuthServer
import Dispatch
import Foundation

/// A serial queue as the store's thread.
struct QueueThread: StoreThread {
    let queue = DispatchQueue(label: "store")

    func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool {
        queue.async(execute: work)
        return true
    }
}

/// A data folder that goes with the test.
struct TemporaryFolder: ~Copyable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/portcullis-\(UUID().uuidString)"
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch {}
    }

    func open(
        thread: any StoreThread = QueueThread(), limits: EmbeddedLimits = .patient
    ) throws -> EmbeddedStore {
        let folder = try DataFolder.open(path)
        do {
            return try EmbeddedStore.open(DatabaseInspection.inspect(folder), thread: thread, limits: limits)
        } catch {
            folder.release()
            throw error
        }
    }

    /// Every file with its bytes; a folder has none.
    func contents() throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            let file = path + "/" + name
            let attributes = try FileManager.default.attributesOfItem(atPath: file)
            let isFolder = attributes[.type] as? FileAttributeType == .typeDirectory
            files[name] = isFolder ? Data() : try Data(contentsOf: URL(fileURLWithPath: file))
        }
        return files
    }
}

extension EmbeddedLimits {
    /// A test may be held up for seconds by others that run beside it; only tests of lateness want the real limit.
    static var patient: EmbeddedLimits {
        var limits = EmbeddedLimits()
        limits.waitMilliseconds = 600_000
        return limits
    }
}
