import Glibc
import HTTP
import Reactor

/// Looks at the target from outside while a scenario runs: its metrics pages and its processes. On the main thread.
final class Witness {
    /// For one page: a target that is busy answers late, and a scenario waits for nobody.
    private static let patienceMilliseconds: Int64 = 2_000

    private let settings: RunSettings
    private let processes: [Int32]
    private var usage: [[ProcessUsage?]] = []
    private var pages: [[MetricsPage?]] = []
    private let loop: EventLoop?

    init(_ settings: RunSettings) {
        self.settings = settings
        processes = settings.processes
        loop = settings.metrics.isEmpty ? nil : Witness.startedLoop()
    }

    /// Nil when the system has no more threads or descriptors: then nothing is known of the target's metrics.
    private static func startedLoop() -> EventLoop? {
        do throws(SystemError) {
            let loop = try EventLoop(name: "witness")
            try loop.start()
            return loop
        } catch {
            return nil
        }
    }

    func close() {
        loop?.stop()
        loop?.join()
    }

    func lookAtProcesses() { usage.append(processes.map { ProcessUsage(of: $0) }) }

    func lookAtMetrics() { pages.append(fetch()) }

    private func fetch() -> [MetricsPage?] {
        guard let loop else { return [] }
        let targets = settings.metrics
        return loop.runAndWait {
            var pages: [MetricsPage?] = []
            for target in targets { pages.append(await Witness.page(target, on: loop)) }
            return pages
        }
    }

    private static func page(_ target: ResolvedTarget, on loop: EventLoop) async -> MetricsPage? {
        let endpoint = Endpoint(target.addresses[0], host: target.url.hostField)
        let plan = Generator.Plan(
            endpoints: [endpoint], start: .now, duration: 3_600, timeoutMilliseconds: patienceMilliseconds,
            connections: 1)
        let generator = Generator(plan, share: 0, on: loop)
        do throws(SystemError) { try generator.begin() } catch { return nil }
        defer { generator.close() }
        let path = target.url.basePath.isEmpty ? "/metrics" : target.url.basePath
        let request = Array("GET \(path) HTTP/1.1\r\nHost: \(endpoint.host)\r\nAccept: text/plain\r\n\r\n".utf8)
        return await withUnsafeContinuation { continuation in
            generator.send(request, intended: .now) { _, _, parser in
                guard let parser, parser.status == 200 else { return continuation.resume(returning: nil) }
                do throws(MetricsError) {
                    continuation.resume(returning: try MetricsPage(parser.body))
                } catch {
                    continuation.resume(returning: nil)
                }
            }
        }
    }

    // MARK: What it saw

    /// Of an attack: processes at the scenario's start, the attack's start and its end; metrics at the attack's start and
    /// the scenario's end.
    func tell(_ board: inout Scoreboard) {
        board.plantedAccounts = settings.users
        board.accountCap = settings.options.accountCap.map(UInt64.init)
        board.hashThreads = settings.profile.threads.hashers
        board.loopThreads = settings.profile.threads.loops
        if usage.count == 3 {
            board.processes = processes.indices.map { index in
                Scoreboard.ProcessWindow(idle: usage[0][index], attack: usage[1][index], end: usage[2][index])
            }
        }
        guard pages.count == 2 else { return }
        board.checksEnd = board.end
        let window = MetricsWindow(before: pages[0], after: pages[1])
        board.passwordChecks = window.increase(of: settings.profile.metrics.passwordChecks)
        board.hashSeconds = window.increase(of: settings.profile.metrics.hashCPUSeconds)
    }

    /// CPU of the loops in the waves over that in the quiet times before them, in which as many verifies were asked
    /// for.
    func siegeCost(threads prefix: String?) -> Figure {
        let (name, title) = ("cpu_per_verify_ratio", "CPU of the loops for each verify, waves to rest")
        guard let prefix else { return Figure(name, title, .unknown("the profile does not name the loops' threads")) }
        guard !processes.isEmpty else {
            return Figure(name, title, .unknown("the target's process is not known here"))
        }
        var (quiet, loud) = (0.0, 0.0)
        for (number, pair) in zip(usage, usage.dropFirst()).enumerated() {
            for index in processes.indices {
                guard let earlier = pair.0[index], let later = pair.1[index],
                    let delta = ProcessDelta(from: earlier, to: later),
                    let used = delta.nanoseconds(ofThreads: prefix)
                else { return Figure(name, title, .unknown("a process of the target has no such thread, or ended")) }
                if number.isMultiple(of: 2) { quiet += Double(used) } else { loud += Double(used) }
            }
        }
        guard quiet > 0, loud > 0 else { return Figure(name, title, .unknown("no CPU was seen")) }
        return Figure(name, title, .ratio(loud / quiet))
    }
}
