import OpenSSL
import TestSupport
import Testing

@testable import Auth

@Suite struct GCRATests {
    let rule = GCRA(burst: 3, intervalMilliseconds: 10)

    /// Reserves until refused and says how many were granted.
    func grant(_ rule: GCRA, stored: inout Int64, at now: Int64, atMost tries: Int = 1000) -> Int {
        for count in 0..<tries {
            guard case .conforming(let next) = rule.decide(stored: stored, at: now) else { return count }
            stored = next
        }
        return tries
    }

    @Test func `a burst, then one an interval`() {
        var stored: Int64 = .min
        #expect(grant(rule, stored: &stored, at: 1_000_000) == 3)
        #expect(rule.decide(stored: stored, at: 1_000_000) == .early(by: 10_000))
        #expect(rule.decide(stored: stored, at: 1_009_999) == .early(by: 1))
        #expect(grant(rule, stored: &stored, at: 1_010_000) == 1)
        #expect(grant(rule, stored: &stored, at: 9_000_000) == 3)
    }

    @Test func `a refusal names the moment from which one conforms`() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2_000 {
            let rule = GCRA(
                burst: .random(in: 1...50, using: &generator),
                intervalMilliseconds: .random(in: 1...100_000, using: &generator))
            var stored: Int64 = .min
            var now: Int64 = .random(in: 0...1_000_000_000, using: &generator)
            _ = grant(rule, stored: &stored, at: now)
            guard case .early(let wait) = rule.decide(stored: stored, at: now) else {
                Issue.record("no refusal")
                return
            }
            now += wait - 1
            #expect(rule.decide(stored: stored, at: now) == .early(by: 1))
            guard case .conforming = rule.decide(stored: stored, at: now + 1) else {
                Issue.record("refused at its own moment")
                return
            }
        }
    }

    @Test func `never more than burst plus elapsed intervals, whatever is tried`() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            let burst = UInt16.random(in: 1...20, using: &generator)
            let rule = GCRA(burst: burst, intervalMilliseconds: .random(in: 1...50, using: &generator))
            var stored: Int64 = .min
            let start: Int64 = 5_000_000
            var now = start
            var granted: Int64 = 0
            for _ in 0..<500 {
                now += .random(in: 0...30_000, using: &generator)
                granted += Int64(grant(rule, stored: &stored, at: now, atMost: .random(in: 0...3, using: &generator)))
                #expect(granted <= Int64(burst) + (now - start) / rule.interval)
            }
        }
    }

    @Test func `giving back undoes one reservation and never earns credit`() {
        var stored: Int64 = .min
        #expect(grant(rule, stored: &stored, at: 0) == 3)
        stored = rule.givingBack(stored: stored, at: 0)
        #expect(grant(rule, stored: &stored, at: 0) == 1)
        for _ in 0..<10 { stored = rule.givingBack(stored: stored, at: 0) }
        #expect(stored == 0)
        #expect(grant(rule, stored: &stored, at: 0) == 3)
    }

    @Test func `the ends of time do not trap`() {
        for stored in [Int64.min, -1, 0, 1, Int64.max] {
            for now in [Int64.min, -1, 0, 1, Int64.max] {
                _ = rule.decide(stored: stored, at: now)
                _ = rule.givingBack(stored: stored, at: now)
                _ = GCRA(burst: .max, intervalMilliseconds: .max).decide(stored: stored, at: now)
                _ = GCRA(burst: 0, intervalMilliseconds: .min).decide(stored: stored, at: now)
                _ = GCRA(burst: 0, perSecond: 0).decide(stored: stored, at: now)
            }
        }
    }

    @Test func `a clock set back costs at most what a full bucket costs`() {
        var stored: Int64 = .min
        _ = grant(rule, stored: &stored, at: 1_000_000_000)
        #expect(rule.decide(stored: stored, at: 0) == .early(by: 10_000))
    }
}

@Suite struct ThrottleTableTests {
    let now = UnixTime(seconds: 1_800_000_000)

    func lookup() throws -> LookupKeys {
        LookupKeys(HMACSHA256Key(SecretBytes(copying: [UInt8](repeating: 7, count: 32))))
    }

    func keys(_ name: String, _ address: String, device: Identifier? = nil) throws -> [ThrottleKey] {
        let account = try #require(Username(name))
        let address = try #require(ClientAddress(address))
        return try lookup().login(account: account, address: address, device: device)
    }

    /// Tries until refused.
    func exhaust(_ table: inout ThrottleTable, _ keys: [ThrottleKey], at now: UnixTime) -> (Int, ThrottleRule?) {
        for count in 0..<10_000 {
            if case .refused(let rule, _) = table.reserve(keys, at: now) { return (count, rule) }
        }
        return (10_000, nil)
    }

    @Test func `one account from one address is held first`() throws {
        var table = ThrottleTable()
        let (granted, rule) = exhaust(&table, try keys("alice", "192.0.2.1"), at: now)
        #expect(granted == 5)
        #expect(rule == .accountAndAddress)
        guard case .reserved = table.reserve(try keys("bob", "192.0.2.1"), at: now) else {
            Issue.record("another account is held too")
            return
        }
    }

    @Test func `one account from many addresses is held by its name, a known device is not`() throws {
        var table = ThrottleTable()
        var granted = 0
        for host in 1...200 {
            let keys = try keys("alice", "198.51.\(host).9")
            if case .reserved = table.reserve(keys, at: now) { granted += 1 }
        }
        #expect(granted == 20)
        let device = Identifier(high: 1, low: 2)
        guard case .reserved = table.reserve(try keys("alice", "203.0.113.5", device: device), at: now) else {
            Issue.record("the owner is locked out")
            return
        }
        #expect(exhaust(&table, try keys("alice", "203.0.113.6", device: device), at: now).1 == .accountAndDevice)
    }

    @Test func `one address with many accounts, one /24, one /64 and one /48 are held`() throws {
        var table = ThrottleTable()
        func held(_ address: (Int) -> String) throws -> (Int, ThrottleRule?) {
            for count in 0..<2000 {
                if case .refused(let rule, _) = table.reserve(try keys("user\(count)", address(count)), at: now) {
                    return (count, rule)
                }
            }
            return (2000, nil)
        }
        #expect(try held { _ in "192.0.2.1" } == (30, .address))
        #expect(try held { "198.51.100.\($0 % 256)" } == (120, .network))
        #expect(try held { "2001:db8:0:1::\(String($0, radix: 16))" } == (120, .network))
    }

    @Test func `many /64 of one /48 are held by the site`() throws {
        var limits = ThrottleLimits()
        limits[.site] = GCRA(burst: 7, intervalMilliseconds: 1000)
        var table = ThrottleTable(limits: limits)
        var granted = 0
        for subnet in 0..<20 {
            if case .reserved = table.reserve(try keys("u\(subnet)", "2001:db8:1:\(subnet)::1"), at: now) {
                granted += 1
            }
        }
        #expect(granted == 7)
    }

    @Test func `a refusal counts nowhere`() throws {
        var limits = ThrottleLimits()
        limits[.global] = GCRA(burst: 10, intervalMilliseconds: 1000)
        var table = ThrottleTable(limits: limits)
        #expect(exhaust(&table, try keys("alice", "192.0.2.1"), at: now).0 == 5)
        // Refused by accountAndAddress many times over; the global bucket still has its other five.
        for _ in 0..<50 { _ = table.reserve(try keys("alice", "192.0.2.1"), at: now) }
        var granted = 0
        for host in 1...20 {
            if case .reserved = table.reserve(try keys("u\(host)", "198.51.\(host).1"), at: now) { granted += 1 }
        }
        #expect(granted == 5)
    }

    @Test func `success gives failures back and never costs`() throws {
        var table = ThrottleTable()
        let keys = try keys("alice", "192.0.2.1")
        var granted = 0
        var refusedBy: ThrottleRule?
        for _ in 0..<200 {
            switch table.reserve(keys, at: now) {
            case .reserved(let reservation):
                granted += 1
                #expect(reservation.keys.allSatisfy { $0.rule.isGivenBack })
                table.giveBack(reservation, at: now)
            case .refused(let rule, _): refusedBy = rule
            }
        }
        // One valid account cannot buy unlimited hashing.
        #expect(granted == 30)
        #expect(refusedBy == .accountCost)
    }

    @Test func `the time to wait is in milliseconds, rounded up, and true`() throws {
        var table = ThrottleTable()
        let keys = try keys("alice", "192.0.2.1")
        _ = exhaust(&table, keys, at: now)
        guard case .refused(_, let wait) = table.reserve(keys, at: now) else {
            Issue.record("not refused")
            return
        }
        #expect(wait == 30_000)
        guard case .refused = table.reserve(keys, at: now.adding(milliseconds: wait - 1)),
            case .reserved = table.reserve(keys, at: now.adding(milliseconds: wait))
        else {
            Issue.record("the time to wait is wrong")
            return
        }
    }

    @Test func `a full table keeps its size and forgets the entries nearest to idle`() throws {
        var limits = ThrottleLimits()
        limits[.global] = GCRA(burst: .max, perSecond: 1_000_000)
        var table = ThrottleTable(limits: limits, capacity: 64)
        #expect(table.capacity == 64)
        let victim = try keys("alice", "192.0.2.1").filter { $0.rule == .accountAndAddress }
        #expect(exhaust(&table, victim, at: now).0 == 5)
        for host in 0..<5_000 {
            _ = table.reserve(try keys("u\(host)", "198.\(host / 200).\(host % 200).1"), at: now)
        }
        #expect(table.evictions > 0)
        #expect(table.liveCount(at: now) <= 64)
        // Five failures deep, alice outlives the botnet's single tries.
        guard case .refused = table.reserve(victim, at: now) else {
            Issue.record("the deepest entry was forgotten")
            return
        }
    }

    @Test func `idle entries make room without an eviction`() throws {
        var table = ThrottleTable(capacity: 64)
        for round in 0..<100 {
            let later = now.adding(seconds: Int64(round) * 100_000)
            _ = table.reserve(try keys("u\(round)", "192.0.2.\(round)"), at: later)
        }
        #expect(table.evictions == 0)
    }

    @Test func `keys show no name or address and differ by rule`() throws {
        let all = try keys("alice", "2001:db8::1")
        #expect(Set(all.map(\.bytes)).count == all.count)
        #expect(all.last?.rule == .global)
        #expect(all.allSatisfy { $0.bytes.count == 16 })
        #expect(!"\(all)".contains("alice"))
    }

    @Test func `registrations and refreshes are counted apart from logins, IPv6 refreshes by the /64`() throws {
        let key = LookupKeys(HMACSHA256Key(try SecretBytes(randomCount: 32)))
        let address = try #require(ClientAddress("2001:db8::1"))
        let neighbour = try #require(ClientAddress("2001:db8::2"))
        let session = Identifier(high: 1, low: 2)
        let registration = try key.registration(address: address)
        #expect(registration.map(\.rule) == [.registrationAddress, .registrationNetwork, .registrationSite])
        #expect(registration.allSatisfy { $0.rule.isGivenBack })
        let refresh = try key.refresh(session: session, address: address)
        #expect(refresh.map(\.rule) == [.refreshSession, .refreshAddress])
        #expect(refresh.allSatisfy { !$0.rule.isGivenBack })
        #expect(try key.refresh(session: session, address: neighbour) == refresh)
        let name = try #require(Username("alice"))
        let login = try key.login(account: name, address: address, device: nil)
        #expect(Set((registration + refresh + login).map(\.bytes)).count == registration.count + 2 + login.count)
        #expect(login.allSatisfy { $0.rule.purpose == .login })
    }
}
