import Auth
import AuthServer
import Dispatch
import Glibc
import StoreConformance

/// Works on the data folder it is given until it is killed, or until a file may not grow beyond the second argument's
/// bytes: a disk that fails. With "reseal" for a second argument, its work is sealing the keys anew, again and again.
@main
struct StoreCrasher {
    static func main() async throws {
        let store = try EmbeddedStore.open(
            DatabaseInspection.inspect(DataFolder.open(CommandLine.arguments[1])), thread: QueueThread())
        if CommandLine.arguments.count > 2, let bytes = rlim_t(CommandLine.arguments[2]) {
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: bytes, rlim_max: bytes)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        }
        if CommandLine.arguments.last == "reseal" {
            try await ResealWorkload.run(on: store) { say($0) }
        } else {
            await CrashWorkload.run(on: store) { say($0) }
        }
        say("stopped hasFailed=\(store.statistics.hasFailed)")
    }

    /// One write to the pipe: the line is out before the next change begins.
    private static func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        if write(1, bytes, bytes.count) != bytes.count { exit(1) }
    }
}

struct QueueThread: StoreThread {
    let queue = DispatchQueue(label: "store")

    func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool {
        queue.async(execute: work)
        return true
    }
}
