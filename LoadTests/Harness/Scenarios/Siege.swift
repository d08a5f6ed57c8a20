import Reactor

/// The first promise: login cannot hurt verify. Verify goes on at its rate all the time; logins come in waves of many
/// times what the target can hash, with a quiet time of the same length before each, so that each wave has its own
/// measure of idle beside it.
package struct SiegeScenario: Scenario {
    /// After each change, in seconds: what is still under way belongs to neither side.
    static let settling = 0.5

    let scene: Scene
    let verify: Pacing
    let login: Pacing
    let waves: Int

    /// `waves`: pairs of a quiet time and a wave, in the whole time.
    package init(_ scene: Scene, verify: Pacing, login: Pacing, waves: Int) {
        self.scene = scene
        self.verify = verify
        self.login = login
        self.waves = waves
    }

    /// Which half of which wave a moment is in.
    struct Moment: Equatable {
        let wave: Int
        let isWave: Bool
        let isSettled: Bool
    }

    static func moment(_ seconds: Double, duration: Double, waves: Int) -> Moment {
        let half = duration / Double(waves * 2)
        let number = min(max(0, Int(seconds / half)), waves * 2 - 1)
        let inside = seconds - Double(number) * half
        return Moment(
            wave: number / 2, isWave: number % 2 == 1, isSettled: inside >= min(settling, half / 4))
    }

    package func begin(on generator: Generator) {
        let plan = generator.plan
        let idle = (0..<waves).map { generator.recorder(SiegeScenario.quietName($0)) }
        let during = (0..<waves).map { generator.recorder(SiegeScenario.waveName($0)) }
        let settling = generator.recorder(SiegeScenario.settlingName)
        let stream = VerifyStream(scene, generator)
        let waves = waves
        generator.addStream(verify) { turn in
            let seconds = Double(turn.intended.nanoseconds(since: plan.start)) / 1e9
            let moment = SiegeScenario.moment(seconds, duration: plan.duration, waves: waves)
            let recorder = !moment.isSettled ? settling : moment.isWave ? during[moment.wave] : idle[moment.wave]
            stream.send(turn.index, intended: turn.intended) { answer in
                generator.record(answer, intended: turn.intended, in: recorder)
            }
        }
        let half = plan.duration / Double(waves * 2)
        for wave in 0..<waves {
            let start = plan.start.adding(nanoseconds: UInt64(half * Double(wave * 2 + 1) * 1e9))
            addLogins(generator, start, half, wave)
        }
    }

    private func addLogins(_ generator: Generator, _ start: MonotonicTime, _ seconds: Double, _ wave: Int) {
        let recorder = generator.recorder("login")
        let operation = scene.operation(.login)
        let scene = scene
        generator.addStream(login, from: start, duration: seconds, warmUp: 0) { turn in
            // Other people in each wave.
            let index = turn.index + wave * 1_000_003
            generator.ask(
                operation, scene.variables(ofAccount: index % scene.accounts), of: scene,
                from: scene.userAddress(index), intended: turn.intended
            ) { generator.record($0, intended: turn.intended, in: recorder) }
        }
    }

    // MARK: Result

    static let settlingName = "verify.settling"
    static func quietName(_ wave: Int) -> String { "verify.idle#\(wave)" }
    static func waveName(_ wave: Int) -> String { "verify#\(wave)" }

    /// Makes one operation of those of all waves, and the scoreboard of the pairs. The ratio is the median of the pairs',
    /// and unknown when in one of them the p99 at rest is a request that was given up: nobody knows what it would be.
    static func digest(_ operations: [OperationResult], waves: Int) -> ([OperationResult], [Figure]) {
        func result(_ name: String) -> OperationResult? { operations.first { $0.name == name } }
        var ratios: [Double] = []
        var isKnown = true
        for wave in 0..<waves {
            guard let quiet = result(quietName(wave)), let loud = result(waveName(wave)), !quiet.latency.isEmpty,
                !loud.latency.isEmpty
            else { continue }
            isKnown = isKnown && quiet.timeouts * 100 < quiet.latency.count
            ratios.append(Double(loud.latency.percentile(99)) / Double(max(1, quiet.latency.percentile(99))))
        }
        let idle = (0..<waves).compactMap { result(quietName($0)) }.merged("verify.idle")
        let during = (0..<waves).compactMap { result(waveName($0)) }.merged("verify")
        let rest = operations.filter { !$0.name.contains("#") }
        func p99(_ operation: OperationResult) -> Figure.Value {
            operation.latency.isEmpty
                ? .unknown("no verify was answered") : .milliseconds(Double(operation.latency.percentile(99)) / 1e6)
        }
        let ratio: Figure.Value =
            ratios.isEmpty
            ? .unknown("no verify was answered")
            : isKnown ? .ratio(ratios.sorted()[ratios.count / 2]) : .unknown("verifies timed out at rest, too")
        return (
            [during, idle] + rest,
            [
                Figure("verify_p99_idle", "verify p99 while nobody logs in", p99(idle)),
                Figure("verify_p99_attack", "verify p99 in the waves", p99(during)),
                Figure("verify_p99_ratio", "the one over the other, median of \(ratios.count) pairs", ratio),
            ]
        )
    }
}

extension [OperationResult] {
    /// All of them as one operation; their seconds follow each other.
    func merged(_ name: String) -> OperationResult {
        var merged = OperationResult(name: name)
        for part in self {
            merged.ok += part.ok
            merged.unexpected += part.unexpected
            merged.timeouts += part.timeouts
            merged.refused += part.refused
            merged.broken += part.broken
            merged.malformed += part.malformed
            merged.unfinished += part.unfinished
            for (status, count) in part.statuses { merged.add(count, of: status) }
            merged.latency.merge(part.latency)
            merged.service.merge(part.service)
            merged.addTimeline(of: part)
        }
        return merged
    }
}

extension OperationResult {
    mutating func add(_ count: UInt64, of status: UInt16) {
        if let index = statuses.firstIndex(where: { $0.status == status }) {
            statuses[index].count += count
        } else {
            statuses.append((status, count))
            statuses.sort { $0.status < $1.status }
        }
    }

    /// Where both have a second, the worse latencies stand.
    fileprivate mutating func addTimeline(of other: OperationResult) {
        guard !other.timeline.isEmpty else { return }
        if timeline.isEmpty { timelineStart = other.timelineStart }
        while other.timelineStart < timelineStart {
            timeline.insert(TimelineSecond(), at: 0)
            timelineStart -= 1
        }
        for (index, second) in other.timeline.enumerated() {
            let place = other.timelineStart - timelineStart + index
            while timeline.count <= place { timeline.append(TimelineSecond()) }
            timeline[place].ok += second.ok
            timeline[place].errors += second.errors
            timeline[place].p50 = max(timeline[place].p50, second.p50)
            timeline[place].p99 = max(timeline[place].p99, second.p99)
            timeline[place].max = max(timeline[place].max, second.max)
        }
    }
}
