import LoadTests
import Testing

@Suite("Pacing")
struct PacingTests {
    @Test(
        "What is no rate is refused with a sentence that shows how to write one",
        arguments: [
            "", "0", "-1", "1e400", "nan", "inf", "1/m", "..", "1..", "..2", "0..0", "1,,2", ",", "0,0", "5@", "@5s",
            "0@5s",
            "5@0s", "5@-1s", "1.5@5s", "99999999999", "max/s", "1000 /s", "5@2d", "100000001@1s",
        ])
    func refused(_ text: String) {
        #expect {
            try Pacing(text)
        } throws: { error in
            (error as? UsageError)?.description.hasPrefix("`\(text)` is no rate: write") == true
        }
    }

    @Test(
        "Every shape is read and written",
        arguments: [
            ("1000", "1000/s"), ("0.5/s", "0.5/s"), ("0..2000", "0..2000/s"), ("100,200,400", "100,200,400/s"),
            ("500@5s", "500@5s"), ("20@250ms", "20@0.3s"), ("max", "max"),
        ])
    func written(_ text: String, _ expected: String) throws {
        #expect(try Pacing(text).description == expected)
    }

    @Test("A constant rate spaces requests evenly and ends with the time")
    func constant() {
        let pacing = Pacing.constant(100)
        #expect(pacing.time(of: 0, duration: 2) == 0)
        #expect(pacing.time(of: 150, duration: 2) == 1.5)
        #expect(pacing.time(of: 199, duration: 2) == 1.99)
        #expect(pacing.time(of: 200, duration: 2) == nil)
    }

    @Test("A ramp sends what lies under its line: half of it after 0.707 of the time")
    func ramp() throws {
        let pacing = try Pacing("0..1000")
        let all = (0..<100_000).prefix { pacing.time(of: $0, duration: 10) != nil }.count
        #expect(all == 5_000)
        let half = try #require(pacing.time(of: 2_500, duration: 10))
        #expect(abs(half - 7.0711) < 0.001)
        let falling = try Pacing("1000..0")
        #expect((0..<100_000).prefix { falling.time(of: $0, duration: 10) != nil }.count >= 5_000)
        #expect(falling.time(of: 5_001, duration: 10) == nil)
    }

    @Test("A ramp between equal rates is a constant rate")
    func flatRamp() throws {
        let pacing = try Pacing("50..50")
        for index in [0, 1, 49, 99] {
            let time = try #require(pacing.time(of: index, duration: 2))
            #expect(abs(time - Double(index) / 50) < 1e-9)
        }
    }

    @Test("Steps give each rate its part of the time, a rate of nothing included")
    func steps() throws {
        let pacing = try Pacing("10,0,20")
        let times = (0..<1_000).compactMap { pacing.time(of: $0, duration: 3) }
        #expect(times.count == 30)
        #expect(times.filter { $0 < 1 }.count == 10)
        #expect(times.filter { $0 >= 1 && $0 < 2 }.isEmpty)
        #expect(times == times.sorted())
    }

    @Test("A burst sends all of it at once")
    func burst() throws {
        let pacing = try Pacing("5@2s")
        let times = (0..<100).compactMap { pacing.time(of: $0, duration: 6) }
        #expect(times == [0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4])
    }

    @Test(
        "Times are read with their unit, and nothing else is",
        arguments: [
            ("300us", 300e-6), ("20ms", 0.02), ("1.5s", 1.5), ("2m", 120), ("1h", 3600), ("7", 7), ("24h", 86_400),
        ] as [(String, Double)])
    func durations(_ text: String, _ seconds: Double) throws {
        let read = try #require(Duration.seconds(parsing: text))
        #expect(abs(read - seconds) < 1e-9)
    }

    @Test(
        "What is no time is refused", arguments: ["", "s", "-1s", "1d", "25h", "1e3s", "0x10s", "1..2s", "+1s", "٣s"])
    func noDurations(_ text: String) { #expect(Duration.seconds(parsing: text) == nil) }
}
