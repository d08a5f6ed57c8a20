import Auth
import OpenSSL
import Reactor
import TestSupport
import Testing

@testable import AuthServer

/// The feed of several nodes over a database and a stream that fail on demand.
@Suite(.timeLimit(.minutes(2))) struct FeedTests {
    @Test func `the stream carries a revocation to the others, without the database`() async throws {
        try await FakeFleet.run { fleet, nodes in
            fleet.database.isAway = true
            await nodes[0].feed.publish([fleet.revocation(1)])
            await until { nodes[1...].allSatisfy { $0.revocations.contains(fleet.revocation(1)) } }
            // Its own it had before.
            #expect(nodes[0].revocations.isEmpty)
            await until { nodes[1].figures.delayCounts(.revocations).reduce(0, +) == 1 }
        }
    }

    @Test func `without a stream the others hear by their polls`() async throws {
        try await FakeFleet.run { fleet, nodes in
            fleet.stream.fault = .away
            let began = MonotonicTime.now
            fleet.database.commit(fleet.revocation(1))
            await nodes[0].feed.publish([fleet.revocation(1)])
            // Nobody waits for what is known to be away.
            #expect(nodes[0].figures[.impatient] == 0)
            await until { nodes[1...].allSatisfy { $0.revocations.contains(fleet.revocation(1)) } }
            #expect(MonotonicTime.now.nanoseconds(since: began) < 2_000_000_000)
            // And it is not forgotten for the stream.
            #expect(nodes[0].figures.waitingCount == 1)
            fleet.stream.fault = nil
            await until { nodes[0].figures.waitingCount == 0 }
        }
    }

    @Test func `nobody waits for a stream that hangs longer than fifty milliseconds`() async throws {
        try await FakeFleet.run { fleet, nodes in
            fleet.stream.fault = .hangs
            let began = MonotonicTime.now
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<50 as Range<UInt64> {
                    group.addTask { await nodes[0].feed.publish([fleet.revocation(number)]) }
                }
            }
            let taken = MonotonicTime.now.nanoseconds(since: began)
            #expect(taken >= 45_000_000)
            #expect(taken < 1_000_000_000)
            #expect(nodes[0].figures[.impatient] == 50)
            fleet.stream.fault = nil
            await until { nodes[1...].allSatisfy { $0.revocations.count == 50 } }
            await until { nodes[0].figures.waitingCount == 0 }
        }
    }

    @Test func `with the database away the marks keep the set complete`() async throws {
        try await FakeFleet.run { fleet, nodes in
            fleet.database.isAway = true
            let began = MonotonicTime.now
            var oldest: UInt64 = 0
            await until {
                oldest = max(oldest, nodes.compactMap(\.age).max() ?? .max)
                return MonotonicTime.now.nanoseconds(since: began) > 4_000_000_000
            }
            #expect(oldest < 2000)
        }
    }

    @Test func `with both away the age grows, and ends when either comes back`() async throws {
        try await FakeFleet.run { fleet, nodes in
            fleet.database.isAway = true
            fleet.stream.fault = .away
            await until { nodes.allSatisfy { $0.age ?? 0 > 2500 } }
            fleet.stream.fault = nil
            await until { nodes.allSatisfy { $0.age ?? .max < 1500 } }
            fleet.stream.fault = .away
            await until { nodes.allSatisfy { $0.age ?? 0 > 2500 } }
            fleet.database.isAway = false
            await until { nodes.allSatisfy { $0.age ?? .max < 1500 } }
        }
    }

    @Test func `an entry that the stream lost is missed, and the database brings it`() async throws {
        try await FakeFleet.run { fleet, nodes in
            await until { nodes.allSatisfy { $0.figures[.entries] > 3 } }
            fleet.database.isAway = true
            fleet.stream.fault = .loses
            fleet.database.commit(fleet.revocation(1))
            await nodes[0].feed.publish([fleet.revocation(1)])
            #expect(nodes[0].figures.waitingCount == 0)
            fleet.stream.fault = nil
            // Marks come, and confirm nothing.
            await until { nodes[1].figures[.gaps] == 1 && nodes[2].figures[.gaps] == 1 }
            await until { nodes[1...].allSatisfy { $0.age ?? 0 > 2500 } }
            #expect(nodes[1].revocations.isEmpty)
            fleet.database.isAway = false
            await until { nodes[1...].allSatisfy { $0.revocations.contains(fleet.revocation(1)) } }
            await until { nodes[1...].allSatisfy { $0.age ?? .max < 1500 } }
            // From then on the stream is believed again.
            fleet.database.isAway = true
            let began = MonotonicTime.now
            await until {
                #expect(nodes[1].age ?? .max < 2000)
                return MonotonicTime.now.nanoseconds(since: began) > 2_500_000_000
            }
        }
    }

    @Test func `a node that died untold keeps the others from being sure`() async throws {
        try await FakeFleet.run(2) { fleet, nodes in
            // It commits, is not heard, answers and dies.
            fleet.database.enlist(Identifier(high: 99, low: 99))
            await until { nodes[1].feed.liveNodes == 3 }
            fleet.database.isAway = true
            await until { nodes.allSatisfy { $0.age ?? 0 > 2500 } }
        }
    }

    @Test func `forged, damaged and foreign entries are counted and change nothing`() async throws {
        try await FakeFleet.run(2) { fleet, nodes in
            fleet.database.isAway = true
            let stranger = FeedCodec(key: HMACSHA256Key(try SecretBytes(randomCount: 32)))
            let entry = FeedEntry(
                node: nodes[0].id, sentAt: systemTime(), content: .revocations(first: 0, [fleet.revocation(1)]))
            fleet.stream.append(try stranger.encode(entry))
            fleet.stream.append([])
            fleet.stream.append(Array("nonsense".utf8))
            fleet.stream.append([UInt8](repeating: 1, count: 100_000))
            var damaged = try FeedCodec(key: fleet.key).encode(entry)
            damaged[30] ^= 1
            fleet.stream.append(damaged)
            await until { nodes[1].figures[.refused] == 5 }
            #expect(nodes[1].revocations.isEmpty)
            await until { nodes[1].age ?? .max < 1000 }
        }
    }

    @Test func `a stream that begins anew at lower positions is followed`() async throws {
        try await FakeFleet.run(2) { fleet, nodes in
            await until { nodes.allSatisfy { $0.figures[.entries] > 3 } }
            fleet.stream.empty(next: 5)
            fleet.database.isAway = true
            await until { fleet.stream.payloads.count > 2 }
            await nodes[0].feed.publish([fleet.revocation(1)])
            // It may be missed, and then is noticed; what comes after is not.
            await until { nodes[1].figures[.entries] > 8 }
            await nodes[0].feed.publish([fleet.revocation(2)])
            await until { nodes[1].revocations.contains(fleet.revocation(2)) }
        }
    }

    @Test func `a change of the keys is told at once, and again until the rings could be read`() async throws {
        try await FakeFleet.run(2) { fleet, nodes in
            await until { nodes.allSatisfy { $0.keysVersions == [1] } }
            nodes[1].refuseKeys(true)
            fleet.database.keysVersion = 2
            await nodes[0].feed.announceKeys()
            await until { nodes[1].keysVersions.count(where: { $0 == 2 }) > 1 }
            nodes[1].refuseKeys(false)
            let polls = fleet.database.polls
            await until { fleet.database.polls > polls + 4 }
            let told = nodes[1].keysVersions.count
            let more = fleet.database.polls
            await until { fleet.database.polls > more + 4 }
            #expect(nodes[1].keysVersions.count == told)
            #expect(nodes[0].keysVersions == [1, 2])
        }
    }

    @Test func `whoever leaves tells what is untold, and is waited for no more`() async throws {
        try await FakeFleet.run(2) { fleet, nodes in
            let third = try fleet.node(fleet.group.loops[0])
            try await third.begin()
            await until { nodes.allSatisfy { $0.feed.liveNodes == 3 } }
            fleet.database.isAway = true
            fleet.stream.fault = .away
            await third.feed.publish([fleet.revocation(1), fleet.revocation(2)])
            fleet.stream.fault = nil
            await third.feed.end()
            await until { nodes.allSatisfy { $0.revocations.count == 2 } }
            #expect(fleet.database.nodes.count == 3)
            let began = MonotonicTime.now
            await until { MonotonicTime.now.nanoseconds(since: began) > 2_500_000_000 }
            #expect(nodes.allSatisfy { $0.age ?? .max < 2000 })
            fleet.database.isAway = false
            let last = nodes[1]
            await last.feed.end()
            #expect(!fleet.database.nodes.contains(last.id))
        }
    }

    @Test func `an outbox that overflows loses nothing that the database has`() async throws {
        try await FakeFleet.run(1) { fleet, nodes in
            let small = try fleet.node(fleet.group.loops[0], outboxCapacity: 10)
            try await small.begin()
            fleet.stream.fault = .away
            for number in 0..<30 as Range<UInt64> {
                fleet.database.commit(fleet.revocation(number))
                await small.feed.publish([fleet.revocation(number)])
            }
            #expect(small.figures[.dropped] == 20)
            fleet.stream.fault = nil
            await until { nodes[0].revocations.count == 30 }
            await until { nodes[0].figures[.gaps] == 1 }
            await small.feed.end()
        }
    }

    @Test func `marks of a clock that is far ahead are not believed`() async throws {
        try await FakeFleet.run(1) { fleet, nodes in
            let ahead = try fleet.node(fleet.group.loops[0], aheadMilliseconds: 300_000)
            try await ahead.begin()
            await until { nodes[0].figures[.unbelieved] > 0 }
            fleet.database.isAway = true
            let polls = fleet.database.polls
            await until { nodes[0].age ?? 0 > 2500 }
            #expect(nodes[0].age ?? 0 > 2500, "polls \(polls), then \(fleet.database.polls)")
            await ahead.feed.end()
        }
    }

    @Test func `ten thousand at once arrive in portions`() async throws {
        try await FakeFleet.run { fleet, nodes in
            fleet.database.isAway = true
            let before = fleet.stream.appends
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<10_000 as Range<UInt64> {
                    group.addTask { await nodes[0].feed.publish([fleet.revocation(number)]) }
                }
            }
            await until { nodes[1...].allSatisfy { $0.revocations.count == 10_000 } }
            #expect(fleet.stream.appends - before < 5000)
            #expect(nodes[1].figures[.gaps] == 0)
        }
    }

    @Test func `without Redis a node lives by its polls`() async throws {
        try await FakeFleet.run(1) { fleet, nodes in
            let lone = try FeedNode(
                fleet.group.loops[0], database: fleet.database, stream: nil, key: fleet.key)
            try await lone.begin()
            await lone.feed.publish([fleet.revocation(1)])
            fleet.database.commit(fleet.revocation(2))
            await until { lone.revocations.contains(fleet.revocation(2)) }
            #expect(lone.figures.waitingCount == 0)
            #expect(nodes[0].feed.figures.count > 5)
            await lone.feed.end()
        }
    }
}
