import LoadTests

/// Reports for the tests of what comes out of a run, the same at each call.
enum ReportSample {
    /// Deterministic and even enough (SplitMix64).
    struct Dice {
        var state: UInt64 = 42

        /// 0..<1.
        mutating func roll() -> Double {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return Double((mixed ^ (mixed >> 31)) >> 11) / 9_007_199_254_740_992
        }
    }

    /// How an operation of a sample goes.
    struct Shape {
        var name: String
        /// Requests a second.
        var rate: Int
        /// Milliseconds.
        var typical: Double
        /// Share that does not succeed while `storm` lasts, and its status.
        var loss = 0.0
        var status: UInt16 = 429
        /// How much longer a storm makes it.
        var slower = 1.0
    }

    static let warmup = 5

    /// `seconds` of an operation, `storm` of them under attack.
    static func operation(_ shape: Shape, seconds: Int, storm: Range<Int>, _ dice: inout Dice) -> OperationResult {
        var result = OperationResult(name: shape.name)
        result.timelineStart = -warmup
        for second in -warmup..<seconds {
            var point = TimelineSecond()
            var histogram = LatencyHistogram(.coarse)
            for _ in 0..<shape.rate {
                let isStormy = storm.contains(second)
                if isStormy && dice.roll() < shape.loss {
                    point.errors += 1
                    continue
                }
                let tail = 1 / (1 - dice.roll() * 0.9995)
                let milliseconds = shape.typical * (0.7 + 0.3 * tail.squareRoot()) * (isStormy ? shape.slower : 1)
                let nanoseconds = UInt64(milliseconds * 1e6)
                histogram.record(nanoseconds)
                point.ok += 1
                if second >= 0 {
                    result.latency.record(nanoseconds)
                    result.service.record(nanoseconds * 8 / 10)
                }
            }
            point.p50 = histogram.percentile(50) / 1000
            point.p99 = histogram.percentile(99) / 1000
            point.max = histogram.max / 1000
            result.timeline.append(point)
            guard second >= 0 else { continue }
            result.ok += point.ok
            result.unexpected += point.errors
        }
        result.statuses = [(200, result.ok)]
        if result.unexpected > 0 { result.statuses.append((shape.status, result.unexpected)) }
        return result
    }

    static func scenario(
        _ name: String, seconds: Int = 60, _ settings: [(name: String, value: String)], _ shapes: [Shape],
        storm: Range<Int> = 0..<0
    ) -> ScenarioResult {
        var dice = Dice()
        var scenario = ScenarioResult(name: name, seconds: Double(seconds))
        scenario.settings = settings
        scenario.operations = shapes.map { operation($0, seconds: seconds, storm: storm, &dice) }
        for _ in 0..<2000 { scenario.generator.lag.record(UInt64(20_000 + dice.roll() * 90_000)) }
        scenario.generator.cores = 0.42
        return scenario
    }

    /// One scenario of one operation.
    static func verify(_ typical: Double = 0.4) -> RunReport {
        var report = RunReport(
            targets: ["http://127.0.0.1:8080"], profile: "portcullis", startedAt: 1_795_878_847_000, seconds: 35,
            threads: 2)
        report.scenarios = [
            scenario(
                "verify", seconds: 30, [("rate", "50/s"), ("connections", "64")],
                [Shape(name: "verify", rate: 50, typical: typical)])
        ]
        return report
    }

    /// Five scenarios of five minutes in all, or each of `seconds`.
    static func day(seconds: Int = 60) -> RunReport {
        var report = RunReport(
            targets: ["http://127.0.0.1:8080", "http://127.0.0.1:8081"], profile: "portcullis",
            startedAt: 1_795_878_847_000, seconds: Double(5 * (seconds + warmup)), threads: 2)
        let rate = ("rate", "250/s")
        report.scenarios = [
            scenario("verify", seconds: seconds, [rate], [Shape(name: "verify", rate: 250, typical: 0.31)]),
            scenario("login", seconds: seconds, [("rate", "20/s")], [Shape(name: "login", rate: 20, typical: 19)]),
            scenario(
                "mixed", seconds: seconds, [("users", "10,000"), ("pattern", "a day in a minute")],
                [
                    Shape(name: "login", rate: 12, typical: 22), Shape(name: "verify", rate: 200, typical: 0.34),
                    Shape(name: "refresh", rate: 15, typical: 2.1), Shape(name: "logout", rate: 6, typical: 1.7),
                ]),
            scenario(
                "siege", seconds: seconds, [("verify", "half capacity"), ("logins", "20x")],
                [
                    Shape(name: "verify", rate: 200, typical: 0.33, slower: 1.4),
                    Shape(name: "login", rate: 150, typical: 24, loss: 0.9, status: 503, slower: 14),
                ], storm: seconds / 5..<seconds * 4 / 5),
            stuffing(seconds),
        ]
        return report
    }

    private static func stuffing(_ seconds: Int) -> ScenarioResult {
        let storm = seconds / 5..<seconds * 4 / 5
        var scenario = scenario(
            "stuffing", seconds: seconds,
            [("addresses", "50,000"), ("attack", "10x hash capacity"), ("hit rate", "0.5 %"), ("seed", "7")],
            [
                Shape(name: "real.known", rate: 14, typical: 21, loss: 0.01, status: 503, slower: 3),
                Shape(name: "real.new", rate: 6, typical: 22, loss: 0.3, slower: 9),
                Shape(name: "attack", rate: 120, typical: 25, loss: 0.97, slower: 6),
                Shape(name: "verify", rate: 120, typical: 0.33, slower: 1.3),
            ], storm: storm)
        let start = Double(storm.lowerBound)
        scenario.events = [
            RunEvent(at: start, "attack: 50,000 addresses, 10x hash capacity", until: Double(storm.upperBound)),
            RunEvent(at: start + 3.2, "most attempts are turned away"),
            RunEvent(at: start + 10, "fault: redis-cli shutdown (exit 0)", until: start + 18.5),
            RunEvent(at: Double(storm.upperBound) + 2, "recovered"),
        ]
        scenario.defence = [
            Figure("compromised", "planted accounts compromised", .count(3)),
            Figure("attempts", "attack attempts", .count(43_210)),
            Figure("guesses_checked", "guesses that reached a password check", .unknown("the target shows no metrics")),
            Figure("hash_cpu_per_1000", "hash CPU per 1,000 attempts (hash threads)", .milliseconds(312.5)),
            Figure("real_known_success", "real users on known devices who got in", .share(0.9931)),
            Figure("real_new_success", "real users on new devices who got in", .share(0.742)),
            Figure("real_known_p95", "p95 until a known device is in", .milliseconds(84.2)),
            Figure("verify_p99_ratio", "verify p99 under attack against idle", .ratio(1.31)),
            Figure("time_to_detect", "time to detect", .seconds(3.2)),
            Figure("time_to_recover", "time to recover", .never),
        ]
        return scenario
    }
}
