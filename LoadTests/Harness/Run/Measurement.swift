import Glibc
import Reactor

/// One scenario on all loops, from its first request to the last answer. On the main thread, which waits.
struct Measurement {
    /// What was found.
    struct Outcome {
        var operations: [OperationResult]
        var tally: AttackTally?
        var generator: GeneratorResult
        /// Of the measured time, less than was asked for when it was cut short.
        var seconds: Double
    }

    /// Something to do at a moment, in seconds from the start.
    struct Moment {
        let at: Double
        let action: () -> Void
    }

    /// How often the main thread looks at the time.
    private static let lookMicroseconds: UInt32 = 10_000
    /// After the longest timeout: what is left then is cut off.
    private static let drainMilliseconds: Int64 = 500

    let loops: [EventLoop]
    let plan: Generator.Plan
    let name: String
    let maximumLagMilliseconds: Double
    let isInterrupted: () -> Bool
    let progress: (ProgressSnapshot) -> Void

    func run(_ scenario: any Scenario, moments: [Moment] = []) throws(RunError) -> Outcome {
        let generators = try begin(scenario)
        var timeline = TimelineBuilder()
        pass(generators, &timeline, moments)
        let elapsed = Double(min(MonotonicTime.now, plan.end).nanoseconds(since: plan.start)) / 1e9
        drain(generators)
        let cpu = generators.map { generator in generator.loop.runAndWait { generator.cpuNanoseconds } }
        for generator in generators { generator.loop.runAndWait { generator.close() } }
        settle(generators)
        var outcome = Outcome(operations: [], tally: nil, generator: GeneratorResult(), seconds: max(0, elapsed))
        for generator in generators { collect(generator, &outcome, &timeline) }
        for index in outcome.operations.indices {
            (outcome.operations[index].timelineStart, outcome.operations[index].timeline) =
                timeline.finish(outcome.operations[index].name)
        }
        let wall = Double(MonotonicTime.now.nanoseconds(since: plan.start)) + plan.warmUp * 1e9
        outcome.generator.cores = Double(cpu.reduce(0, +)) / max(1, wall)
        outcome.generator.invalidity = invalidity(outcome.generator)
        return outcome
    }

    private func begin(_ scenario: any Scenario) throws(RunError) -> [Generator] {
        var generators: [Generator] = []
        for (share, loop) in loops.enumerated() {
            let plan = plan
            let made: Result<Generator, SystemError> = loop.runAndWait {
                let generator = Generator(plan, share: share, on: loop)
                scenario.begin(on: generator)
                do throws(SystemError) { try generator.begin() } catch { return .failure(error) }
                return .success(generator)
            }
            switch made {
            case .success(let generator): generators.append(generator)
            case .failure(let error): throw .system("The generator cannot keep time: \(error).")
            }
        }
        return generators
    }

    /// The measured time itself.
    private func pass(_ generators: [Generator], _ timeline: inout TimelineBuilder, _ moments: [Moment]) {
        var moments = moments.sorted { $0.at < $1.at }[...]
        var told = Int.min
        while MonotonicTime.now < plan.end, !isInterrupted() {
            usleep(Measurement.lookMicroseconds)
            let now = MonotonicTime.now
            let elapsed = seconds(now)
            while let moment = moments.first, moment.at <= elapsed {
                moments = moments.dropFirst()
                moment.action()
            }
            let second = Int(elapsed.rounded(.down))
            guard second > told else { continue }
            told = second
            for generator in generators {
                for (name, seconds) in generator.loop.runAndWait({ generator.takeFinishedSeconds(at: now) }) {
                    timeline.add(seconds, of: name)
                }
            }
            timeline.compact(before: second - 2)
            progress(snapshot(generators, timeline, second - 1, elapsed))
        }
        // What was to be seen at the end is seen now when the end came early.
        for moment in moments { moment.action() }
    }

    private func seconds(_ now: MonotonicTime) -> Double {
        now >= plan.start
            ? Double(now.nanoseconds(since: plan.start)) / 1e9 : -Double(plan.start.nanoseconds(since: now)) / 1e9
    }

    private func snapshot(
        _ generators: [Generator], _ timeline: TimelineBuilder, _ second: Int, _ elapsed: Double
    ) -> ProgressSnapshot {
        let lag = generators.map { generator in generator.loop.runAndWait { generator.lag } }
        var result = GeneratorResult()
        for each in lag { result.lag.merge(each) }
        return ProgressSnapshot(
            scenario: name, elapsed: elapsed, total: plan.duration,
            operations: timeline.progress(at: second),
            invalidity: invalidity(result))
    }

    /// Lets what is under way come to its end, for as long as it may take.
    private func drain(_ generators: [Generator]) {
        for generator in generators { generator.loop.runAndWait { generator.stopArrivals() } }
        let deadline = MonotonicTime.now.adding(
            milliseconds: max(plan.timeoutMilliseconds, SignIn.patienceMilliseconds) + Measurement.drainMilliseconds)
        while !isInterrupted(), MonotonicTime.now < deadline, outstanding(generators) > 0 {
            usleep(Measurement.lookMicroseconds)
        }
    }

    /// Flows that were cut off see it in turns of their own.
    private func settle(_ generators: [Generator]) {
        let deadline = MonotonicTime.now.adding(milliseconds: Measurement.drainMilliseconds)
        while MonotonicTime.now < deadline, outstanding(generators) > 0 { usleep(Measurement.lookMicroseconds) }
    }

    private func outstanding(_ generators: [Generator]) -> Int {
        generators.reduce(0) { sum, generator in sum + generator.loop.runAndWait { generator.outstanding } }
    }

    private func collect(_ generator: Generator, _ outcome: inout Outcome, _ timeline: inout TimelineBuilder) {
        let found = generator.loop.runAndWait {
            Found(operations: generator.finish(), tally: generator.tally, lag: generator.lag, shed: generator.shed)
        }
        for (operation, seconds) in found.operations {
            timeline.add(seconds, of: operation.name)
            if let index = outcome.operations.firstIndex(where: { $0.name == operation.name }) {
                outcome.operations[index] = [outcome.operations[index], operation].merged(operation.name)
            } else {
                outcome.operations.append(operation)
            }
        }
        if let tally = found.tally {
            if outcome.tally == nil { outcome.tally = tally } else { outcome.tally?.merge(tally) }
        }
        outcome.generator.lag.merge(found.lag)
        outcome.generator.shed += found.shed
    }

    /// What one loop gives away at its end.
    private struct Found: Sendable {
        let operations: [(OperationResult, [OperationRecorder.Second])]
        let tally: AttackTally?
        let lag: LatencyHistogram
        let shed: UInt64
    }

    private func invalidity(_ generator: GeneratorResult) -> String? {
        if generator.shed > 0 {
            return "\(generator.shed) requests were not sent, since too many were outstanding."
        }
        let lag = Double(generator.lag.percentile(99)) / 1e6
        guard lag > maximumLagMilliseconds else { return nil }
        let shown = Double(Int(lag * 10)) / 10
        return "The generator fell behind: it came to 1 % of the requests more than \(shown) ms after their time "
            + "(\(Int(maximumLagMilliseconds)) ms are allowed)."
    }
}
