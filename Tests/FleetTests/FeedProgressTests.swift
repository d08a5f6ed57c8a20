import Auth
import Reactor
import Testing

@testable import AuthServer

/// A node's knowledge in a test: moments are milliseconds, by its own clock and the fleet's alike.
private struct Reader {
    static let me = Identifier(high: 1, low: 0)
    static let second = Identifier(high: 2, low: 0)
    static let third = Identifier(high: 3, low: 0)

    var progress = FeedProgress(node: Reader.me)

    static func moment(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000_000).adding(milliseconds: milliseconds)
    }

    private static func fleetTime(_ milliseconds: Int64) -> UnixTime {
        UnixTime(milliseconds: 1_800_000_000_000 + milliseconds)
    }

    mutating func poll(at milliseconds: Int64, _ nodes: Identifier...) {
        progress.polled(
            beganAt: Reader.moment(milliseconds), NodeList(nodes: nodes, readAt: Reader.fleetTime(milliseconds)))
    }

    mutating func mark(
        _ node: Identifier, sentAt: Int64, receivedAt: Int64? = nil, next: UInt64 = 0, list: NodeList? = nil
    ) {
        receive(node, sentAt: sentAt, receivedAt: receivedAt ?? sentAt, .mark(next: next, list))
    }

    mutating func revocations(_ node: Identifier, at milliseconds: Int64, first: UInt64, count: Int64 = 1) {
        receive(
            node, sentAt: milliseconds, receivedAt: milliseconds,
            .revocations(first: first, (0..<count).map { .generation($0) }))
    }

    mutating func receive(
        _ node: Identifier, sentAt: Int64, receivedAt: Int64, _ content: FeedEntry.Content
    ) {
        progress.received(
            FeedEntry(node: node, sentAt: Reader.fleetTime(sentAt), content: content), at: Reader.moment(receivedAt),
            fleetTime: Reader.fleetTime(receivedAt))
    }

    static func list(readAt: Int64, _ nodes: Identifier...) -> NodeList {
        NodeList(nodes: nodes, readAt: fleetTime(readAt))
    }

    /// Milliseconds up to which the set is complete; nil when unknown.
    var confirmed: Int64? { progress.confirmedAt.map(Reader.milliseconds) }
    var byStream: Int64? { progress.streamConfirmedAt.map(Reader.milliseconds) }

    private static func milliseconds(_ moment: MonotonicTime) -> Int64 {
        Int64(moment.nanoseconds / 1_000_000) - 1_000_000
    }
}

struct FeedProgressTests {
    @Test func `nothing is known at first`() {
        let reader = Reader()
        #expect(reader.confirmed == nil)
        #expect(reader.progress.liveNodeCount == 1)
        #expect(reader.progress.isFirstNode)
    }

    @Test func `a poll confirms what was before it began`() {
        var reader = Reader()
        reader.poll(at: 100, Reader.me)
        #expect(reader.confirmed == 100)
        reader.poll(at: 50, Reader.me)
        #expect(reader.confirmed == 100)
    }

    @Test func `the stream confirms the oldest of the marks of all that live`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second, Reader.third)
        reader.mark(Reader.me, sentAt: 300)
        reader.mark(Reader.second, sentAt: 200)
        #expect(reader.byStream == nil)
        reader.mark(Reader.third, sentAt: 250)
        #expect(reader.byStream == 200)
        #expect(reader.confirmed == 200)
        reader.mark(Reader.second, sentAt: 700)
        #expect(reader.confirmed == 250)
    }

    @Test func `a mark is as old as it is, not as late as it comes`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.mark(Reader.me, sentAt: 100, receivedAt: 9000)
        reader.mark(Reader.second, sentAt: 200, receivedAt: 9000)
        #expect(reader.byStream == 100)
    }

    @Test func `one that is said again or comes late takes nothing back`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.mark(Reader.me, sentAt: 500)
        reader.mark(Reader.second, sentAt: 500)
        reader.mark(Reader.second, sentAt: 100, receivedAt: 600)
        #expect(reader.byStream == 500)
    }

    @Test func `without its own mark a node concludes nothing: it may be cut off`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.mark(Reader.second, sentAt: 100)
        #expect(reader.byStream == nil)
        #expect(reader.confirmed == 0)
    }

    @Test func `a node that is alone rests on its own mark`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me)
        reader.mark(Reader.me, sentAt: 400)
        #expect(reader.confirmed == 400)
    }

    @Test func `marks that stop keep the age growing, whoever else goes on`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second, Reader.third)
        for moment in stride(from: 500, through: 5000, by: 500) as StrideThrough<Int64> {
            reader.mark(Reader.me, sentAt: moment)
            reader.mark(Reader.second, sentAt: moment)
            if moment <= 1000 { reader.mark(Reader.third, sentAt: moment) }
        }
        #expect(reader.confirmed == 1000)
    }

    @Test func `a mark from a clock in the future is not believed`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.mark(Reader.me, sentAt: 100)
        reader.mark(Reader.second, sentAt: 5000, receivedAt: 100)
        #expect(reader.byStream == nil)
        #expect(reader.progress.unbelieved == 1)
        // A little ahead is no more than now.
        reader.mark(Reader.second, sentAt: 900, receivedAt: 200)
        #expect(reader.byStream == 100)
        reader.mark(Reader.me, sentAt: 300)
        #expect(reader.byStream == 200)
    }

    @Test func `extreme times trap nobody`() {
        var reader = Reader()
        for time in [Int64.min, .max] {
            reader.progress.received(
                FeedEntry(node: Reader.second, sentAt: UnixTime(milliseconds: time), content: .mark(next: 0, nil)),
                at: Reader.moment(0), fleetTime: UnixTime(milliseconds: time < 0 ? .max : .min))
        }
        reader.progress.received(
            FeedEntry(node: Reader.second, sentAt: UnixTime(milliseconds: 0), content: .mark(next: .max, nil)),
            at: MonotonicTime(nanoseconds: 0), fleetTime: UnixTime(milliseconds: .max))
        #expect(reader.confirmed == nil)
    }
}

/// What the numbers of a writer show.
struct FeedGapTests {
    private static func reader() -> Reader {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.mark(Reader.me, sentAt: 10_000)
        return reader
    }

    @Test func `all numbers seen, and the mark confirms`() {
        var reader = FeedGapTests.reader()
        reader.revocations(Reader.second, at: 100, first: 0, count: 3)
        reader.revocations(Reader.second, at: 101, first: 3)
        reader.mark(Reader.second, sentAt: 200, next: 4)
        #expect(reader.byStream == 200)
        #expect(reader.progress.gaps == 0)
    }

    @Test func `sent twice and in other portions is no gap`() {
        var reader = FeedGapTests.reader()
        reader.revocations(Reader.second, at: 100, first: 0, count: 3)
        reader.revocations(Reader.second, at: 110, first: 0, count: 2)
        reader.revocations(Reader.second, at: 111, first: 2, count: 5)
        reader.mark(Reader.second, sentAt: 200, next: 7)
        #expect(reader.byStream == 200)
        #expect(reader.progress.gaps == 0)
    }

    @Test func `a mark that counts more than was seen confirms nothing until a later poll`() {
        var reader = FeedGapTests.reader()
        reader.mark(Reader.second, sentAt: 100)
        reader.mark(Reader.second, sentAt: 200, next: 1)
        #expect(reader.byStream == 100)
        reader.mark(Reader.second, sentAt: 300, next: 1)
        #expect(reader.byStream == 100)
        #expect(reader.progress.gaps == 1)
        // A poll that had begun before the gap was seen may not have what is missing.
        reader.poll(at: 150, Reader.me, Reader.second)
        reader.mark(Reader.second, sentAt: 400, next: 1)
        #expect(reader.byStream == 100)
        reader.poll(at: 450, Reader.me, Reader.second)
        reader.mark(Reader.second, sentAt: 500, next: 1)
        #expect(reader.byStream == 500)
    }

    @Test func `an entry beyond the next number is a gap, and what comes late does not close it`() {
        var reader = FeedGapTests.reader()
        reader.mark(Reader.second, sentAt: 50)
        reader.revocations(Reader.second, at: 100, first: 2)
        reader.revocations(Reader.second, at: 110, first: 0, count: 2)
        reader.mark(Reader.second, sentAt: 200, next: 3)
        #expect(reader.byStream == 50)
        reader.poll(at: 300, Reader.me, Reader.second)
        reader.mark(Reader.second, sentAt: 400, next: 3)
        #expect(reader.byStream == 400)
    }

    @Test func `a gap seen while a poll runs is not closed by it`() {
        var reader = FeedGapTests.reader()
        reader.mark(Reader.second, sentAt: 50)
        reader.mark(Reader.second, sentAt: 120, next: 5)
        reader.mark(Reader.second, sentAt: 180, next: 9)
        // It began between the two: the second gap needs one of its own.
        reader.poll(at: 150, Reader.me, Reader.second)
        reader.mark(Reader.second, sentAt: 200, next: 9)
        #expect(reader.byStream == 50)
        reader.poll(at: 250, Reader.me, Reader.second)
        reader.mark(Reader.second, sentAt: 300, next: 9)
        #expect(reader.byStream == 300)
    }

    @Test func `a writer that had begun before this node needs one poll`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.mark(Reader.me, sentAt: 100)
        reader.mark(Reader.second, sentAt: 100, next: 57)
        #expect(reader.byStream == nil)
        reader.poll(at: 150, Reader.me, Reader.second)
        reader.mark(Reader.second, sentAt: 200, next: 57)
        #expect(reader.byStream == 100)
    }

    @Test func `another writer's gap is not this one's`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second, Reader.third)
        reader.mark(Reader.me, sentAt: 2900)
        reader.mark(Reader.second, sentAt: 100)
        reader.mark(Reader.third, sentAt: 800, next: 4)
        reader.poll(at: 2800, Reader.me, Reader.second)
        reader.mark(Reader.second, sentAt: 2850)
        #expect(reader.byStream == 2850)
    }

    @Test func `a stream that was emptied takes nothing from who had read it`() {
        var reader = FeedGapTests.reader()
        reader.revocations(Reader.second, at: 100, first: 0)
        // All entries are gone; the writer's numbers go on.
        reader.mark(Reader.second, sentAt: 200, next: 1)
        #expect(reader.byStream == 200)
        // Had it held one more, the next mark would tell.
        reader.mark(Reader.second, sentAt: 300, next: 2)
        #expect(reader.byStream == 200)
    }
}

/// Who must be heard.
struct FeedMembershipTests {
    @Test func `a node that joins must mark before the stream confirms again`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.mark(Reader.me, sentAt: 100)
        reader.mark(Reader.second, sentAt: 100)
        #expect(reader.byStream == 100)
        reader.poll(at: 200, Reader.me, Reader.second, Reader.third)
        #expect(reader.byStream == nil)
        #expect(reader.confirmed == 200)
        reader.mark(Reader.third, sentAt: 250)
        reader.mark(Reader.me, sentAt: 300)
        reader.mark(Reader.second, sentAt: 300)
        #expect(reader.byStream == 250)
    }

    @Test func `a list that comes with a mark counts when it is newer by the database's clock`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.mark(Reader.me, sentAt: 500)
        reader.mark(
            Reader.second, sentAt: 500, list: Reader.list(readAt: 400, Reader.me, Reader.second, Reader.third))
        #expect(reader.byStream == nil)
        #expect(reader.progress.liveNodeCount == 3)
        reader.mark(Reader.second, sentAt: 600, list: Reader.list(readAt: 300, Reader.me, Reader.second))
        #expect(reader.progress.liveNodeCount == 3)
        reader.mark(Reader.third, sentAt: 600)
        #expect(reader.byStream == 500)
    }

    @Test func `of two lists at one time neither takes out whom the other has`() {
        var reader = Reader()
        reader.poll(at: 1000, Reader.me, Reader.second)
        reader.mark(
            Reader.third, sentAt: 1100, next: 7,
            list: Reader.list(readAt: 1000, Reader.me, Reader.second, Reader.third))
        reader.mark(Reader.me, sentAt: 1200, list: Reader.list(readAt: 1000, Reader.me, Reader.second))
        reader.mark(Reader.second, sentAt: 1200, list: Reader.list(readAt: 1001, Reader.me, Reader.second))
        #expect(reader.byStream == nil)
        #expect(reader.confirmed == 1000)
        // Two seconds of lists without it: it had never been, or is gone.
        reader.mark(Reader.second, sentAt: 3300, list: Reader.list(readAt: 3300, Reader.me, Reader.second))
        #expect(reader.byStream == 1200)
    }

    @Test func `who marks is waited for, though no list has it: it joined as the newest was read`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me)
        reader.mark(Reader.me, sentAt: 100)
        let list = Reader.list(readAt: 0, Reader.me)
        reader.mark(Reader.second, sentAt: 100_000, receivedAt: 110, list: list)
        #expect(reader.progress.unbelieved == 1)
        #expect(reader.byStream == nil)
        reader.mark(Reader.second, sentAt: 120, list: list)
        reader.mark(Reader.me, sentAt: 130)
        #expect(reader.byStream == 120)
    }

    @Test func `a node that died is waited for until a list is without it`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second, Reader.third)
        for node in [Reader.me, Reader.second, Reader.third] { reader.mark(node, sentAt: 100) }
        for node in [Reader.me, Reader.second] { reader.mark(node, sentAt: 30_000) }
        #expect(reader.byStream == 100)
        reader.mark(Reader.second, sentAt: 30_500, list: Reader.list(readAt: 30_400, Reader.me, Reader.second))
        #expect(reader.byStream == 30_000)
    }

    @Test func `a node that said farewell is not waited for, though a list has it`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.revocations(Reader.second, at: 90, first: 0)
        reader.receive(Reader.second, sentAt: 100, receivedAt: 100, .farewell(next: 1))
        reader.mark(Reader.me, sentAt: 9000)
        #expect(reader.byStream == 9000)
    }

    @Test func `a farewell of more than was seen is a gap like any`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.me, Reader.second)
        reader.mark(Reader.second, sentAt: 50)
        reader.mark(Reader.me, sentAt: 9000)
        reader.receive(Reader.second, sentAt: 100, receivedAt: 100, .farewell(next: 2))
        #expect(reader.byStream == 50)
        // The database has what is missing, and lists have the node no more.
        reader.poll(at: 9500, Reader.me)
        #expect(reader.byStream == 9000)
        #expect(reader.confirmed == 9500)
    }

    @Test func `the first of the nodes does what one should do for all`() {
        var reader = Reader()
        reader.poll(at: 0, Reader.third, Reader.me, Reader.second)
        #expect(reader.progress.isFirstNode)
        reader.poll(at: 1, Identifier(high: 0, low: 5), Reader.me)
        #expect(!reader.progress.isFirstNode)
    }

    @Test func `writers beyond the limit are not kept and confirm nothing`() {
        var reader = Reader()
        for number in 0..<2000 as Range<UInt64> {
            reader.mark(Identifier(high: 10, low: number), sentAt: 10)
        }
        reader.poll(at: 0, Reader.me)
        reader.mark(Reader.me, sentAt: 100)
        #expect(reader.byStream == nil)
        // Those that live no more are forgotten in time.
        reader.poll(at: 700_000, Reader.me)
        reader.mark(Reader.me, sentAt: 700_100)
        #expect(reader.byStream == 700_100)
    }
}
