import OpenSSL
import StoreConformance
import TestSupport
import Testing

@testable import Auth

/// What a node does with the limits when it has to decide alone, and what it remembers of refusals.
@Suite struct ThrottleShareTests {
    @Test func `shares have the burst divided and rounded up, and the rate divided`() {
        let limit = GCRA(burst: 20, intervalMilliseconds: 1_000)
        #expect(limit.share(among: 1) == limit)
        #expect(limit.share(among: 0) == limit && limit.share(among: -3) == limit)
        #expect(limit.share(among: 3) == GCRA(burst: 7, intervalMilliseconds: 3_000))
        #expect(limit.share(among: 4) == GCRA(burst: 5, intervalMilliseconds: 4_000))
        #expect(limit.share(among: 100) == GCRA(burst: 1, intervalMilliseconds: 100_000))
        _ = GCRA(burst: .max, intervalMilliseconds: .max).share(among: .max).decide(stored: 0, at: .max)
    }

    @Test func `together the nodes admit the limit and at most one more each`() {
        var generator = SeededGenerator(seed: 31)
        for _ in 0..<50 {
            let nodes = Int.random(in: 1...9, using: &generator)
            let burst = UInt16.random(in: 1...60, using: &generator)
            let share = GCRA(burst: burst, intervalMilliseconds: 40).share(among: nodes)
            var admitted = 0
            for _ in 0..<nodes {
                var stored: Int64 = .min
                for now in stride(from: Int64(0), through: 4_000_000, by: 5_000) {
                    while case .conforming(let next) = share.decide(stored: stored, at: now) {
                        stored = next
                        admitted += 1
                    }
                }
            }
            #expect((Int(burst) + 100 - nodes...Int(burst) + 100 + nodes).contains(admitted), "\(nodes) \(burst)")
        }
    }

    @Test func `limits of refreshes are a node's own and not shared`() {
        let (whole, shared) = (ThrottleLimits(), ThrottleLimits().shared(among: 4))
        for rule in ThrottleRule.allCases {
            #expect(shared[rule] == (rule.purpose == .refresh ? whole[rule] : whole[rule].share(among: 4)), "\(rule)")
        }
    }

    @Test func `a table keeps its counts when nodes come and go`() throws {
        var limits = ThrottleLimits()
        limits[.accountAndAddress] = GCRA(burst: 8, intervalMilliseconds: 1_000)
        var table = ThrottleTable(limits: limits)
        let keys = try ThrottleSample().keys("ada").filter { $0.rule == .accountAndAddress }
        func admitted() -> Int {
            (0..<20).count { _ in
                if case .reserved = table.reserve(keys, at: testStart) { true } else { false }
            }
        }
        table.share(among: 4)
        #expect(admitted() == 2)
        table.share(among: 1)
        #expect(admitted() <= 8)
        table.share(among: 4)
        #expect(admitted() == 0)
    }

    // MARK: RefusalMemory

    private func key(_ name: String, _ sample: ThrottleSample) throws -> ThrottleKey {
        try #require(sample.keys(name).first { $0.rule == .accountAndAddress })
    }

    @Test func `a refusal is remembered until it ends, for a second at most`() throws {
        let sample = try ThrottleSample()
        let (short, long) = (try key("short", sample), try key("long", sample))
        var memory = RefusalMemory()
        #expect(memory.refusal(among: [short, long], at: 0) == nil)
        memory.note(short, until: 400_000, at: 0)
        memory.note(long, until: 30_000_000, at: 0)
        #expect(memory.refusal(among: [short], at: 399_999)?.microseconds == 1)
        #expect(memory.refusal(among: [short], at: 400_000) == nil)
        #expect(memory.refusal(among: [short, long], at: 100)?.microseconds == 29_999_900)
        #expect(memory.refusal(among: [long], at: 999_999)?.rule == .accountAndAddress)
        #expect(memory.refusal(among: [long], at: 1_000_000) == nil)
        #expect(memory.refusal(among: [try key("other", sample)], at: 0) == nil)
    }

    @Test func `what is forgotten is asked again, and a newer refusal takes an older one's place`() throws {
        let sample = try ThrottleSample()
        let (one, other) = (try key("one", sample), try key("other", sample))
        var memory = RefusalMemory()
        memory.note(one, until: 900_000, at: 0)
        memory.note(other, until: 900_000, at: 0)
        memory.forget([one])
        #expect(memory.refusal(among: [one], at: 1) == nil)
        #expect(memory.refusal(among: [other], at: 1) != nil)
        memory.note(other, until: 500_000, at: 100)
        #expect(memory.refusal(among: [other], at: 500_000) == nil)
    }

    @Test func `a full memory keeps its size and forgets what ends first`() throws {
        let sample = try ThrottleSample()
        var memory = RefusalMemory(capacity: 4)
        let keys = try (0..<5).map { try key("u\($0)", sample) }
        for (index, key) in keys.enumerated() { memory.note(key, until: Int64(index + 1) * 100_000, at: 0) }
        #expect(memory.refusal(among: [keys[0]], at: 0) == nil)
        for key in keys.dropFirst() { #expect(memory.refusal(among: [key], at: 0) != nil) }
    }
}

/// What was counted alone goes on counting when others count again.
@Suite struct ThrottleLiveTests {
    @Test func `only what is counted already and not idle yet is counted on`() throws {
        var limits = ThrottleLimits()
        limits[.accountAndAddress] = GCRA(burst: 3, intervalMilliseconds: 1_000)
        var table = ThrottleTable(limits: limits)
        let keys = try ThrottleSample().keys("ada").filter { $0.rule == .accountAndAddress }
        for _ in 0..<9 { #expect(table.reserveLive(keys, at: testStart) == .reserved([])) }
        #expect(table.liveCount(at: testStart) == 0)
        _ = table.reserve(keys, at: testStart)
        for _ in 0..<2 { #expect(table.reserveLive(keys, at: testStart) == .reserved(keys)) }
        #expect(
            table.reserveLive(keys, at: testStart) == .refused(by: .accountAndAddress, retryAfterMilliseconds: 1_000))
        table.giveBack(keys, at: testStart)
        #expect(table.reserveLive(keys, at: testStart) == .reserved(keys))
        let idle = testStart.adding(milliseconds: 3_000)
        for _ in 0..<9 { #expect(table.reserveLive(keys, at: idle) == .reserved([])) }
    }
}
