import Foundation
import Reactor
import Testing

@testable import LoadTests

/// A whole run against a target of a test.
final class RunBench: Sendable {
    /// What it said while it went on.
    let told = Lock<[String]>([])
    let snapshots = Lock<[ProgressSnapshot]>([])
    let run: LoadRun
    private let threads: Int

    /// `whenTold` is called on the spot with what the run is about to do.
    init(_ settings: RunSettings, whenTold: @escaping @Sendable (String) -> Void = { _ in }) {
        threads = settings.threads
        let (told, snapshots) = (told, snapshots)
        run = LoadRun(
            settings,
            tell: { text in
                told.withLock { $0.append(text) }
                whenTold(text)
            },
            progress: { snapshot in snapshots.withLock { $0.append(snapshot) } })
    }

    /// A second of each scenario at rates that need no capacity to be found out.
    static func settings(
        _ scenarios: [ScenarioName], port: UInt16, profile: String = SmallTarget.profile, isElsewhere: Bool = false
    ) throws -> RunSettings {
        let address = try #require(SocketAddress("127.0.0.1:\(port)"))
        // Nobody has an address of this block (RFC 5737); the run goes to the first that listens.
        let other = try #require(SocketAddress("192.0.2.1:\(port)"))
        let url = try TargetURL(parsing: "http://127.0.0.1:\(port)")
        let target = try #require(ResolvedTarget(url, addresses: isElsewhere ? [address, other] : [address]))
        var settings = RunSettings(
            scenarios: scenarios, targets: [target], profile: try TargetProfile(parsing: Array(profile.utf8)),
            given: Variables(), carrier: .none, seed: 3)
        settings.duration = 1
        settings.warmUp = 0.2
        settings.users = 20
        settings.connections = 4
        settings.options.bots = 50
        settings.maximumLagMilliseconds = 60_000
        for name in ["verify", "login", "refresh", "people", "real", "attack"] {
            settings.options.rates[name] = .constant(50)
        }
        return settings
    }

    /// Runs it on threads of its own, so that the test's may wait for something else.
    func report() async throws -> RunReport {
        let group = try EventLoopGroup(count: threads, name: "load")
        defer { group.stopAndJoin() }
        let run = run
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<RunReport, RunError>, Never>) in
            Thread.detachNewThread {
                do throws(RunError) {
                    continuation.resume(returning: .success(try run.run(on: group.loops)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// What a run ends with that cannot take place.
    static func failure(
        _ settings: RunSettings, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> RunError {
        try await RunBench(settings).failure(sourceLocation: sourceLocation)
    }

    func failure(sourceLocation: SourceLocation = #_sourceLocation) async throws -> RunError {
        do {
            _ = try await report()
        } catch let error as RunError {
            let sentence = error.description
            #expect(sentence.hasSuffix("."), "\(sentence)", sourceLocation: sourceLocation)
            #expect(!sentence.contains("\n"), sourceLocation: sourceLocation)
            return error
        }
        Issue.record("it took place", sourceLocation: sourceLocation)
        return .interrupted
    }
}
