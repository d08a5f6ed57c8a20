import Auth
import OpenSSL
import TestSupport
import Testing

@testable import AuthServer

struct FeedEntryTests {
    private let codec: FeedCodec
    private let node: Identifier

    init() throws {
        codec = FeedCodec(key: HMACSHA256Key(try SecretBytes(randomCount: 32)))
        node = try Identifier.make(at: UnixTime(milliseconds: 1))
    }

    private static let one = Identifier(high: 1, low: 2)
    private static let other = Identifier(high: .max, low: .max)
    private static let until = UnixTime(milliseconds: 1_800_000_000_123)

    static let contents: [FeedEntry.Content] = [
        .revocations(first: 0, [.token(one, user: other, until: until)]),
        .revocations(first: 7, [.token(one, user: nil, until: until)]),
        .revocations(first: 1 << 40, [.session(one, user: other, until: until), .session(one, user: nil, until: until)]),
        .revocations(first: 3, [.user(one, minimumVersion: .max, until: until), .generation(9)]),
        .revocations(
            first: .max - 64, (0..<64).map { .session(Identifier(high: $0, low: 0), user: other, until: until) }),
        .mark(next: 12, nil),
        .mark(next: .max, NodeList(nodes: [one, other], readAt: until)),
        .mark(
            next: 0,
            NodeList(nodes: (0..<256).map { Identifier(high: $0, low: 1) }, readAt: UnixTime(milliseconds: -1))),
        .keys(version: 44), .farewell(next: 5),
    ]

    @Test(arguments: contents)
    func `what is written is read`(_ content: FeedEntry.Content) throws {
        let entry = FeedEntry(node: node, sentAt: FeedEntryTests.until, content: content)
        let bytes = try codec.encode(entry)
        #expect(bytes.count <= FeedCodec.maximumBytes)
        #expect(codec.decode(bytes) == entry)
    }

    @Test(arguments: contents)
    func `an entry that is cut or followed by more is refused`(_ content: FeedEntry.Content) throws {
        let bytes = try codec.encode(FeedEntry(node: node, sentAt: FeedEntryTests.until, content: content))
        for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 100)) {
            #expect(codec.decode(Array(bytes.prefix(count))) == nil)
        }
        #expect(codec.decode(bytes + [0]) == nil)
    }

    @Test func `an entry with any bit changed is refused`() throws {
        let content = FeedEntry.Content.revocations(
            first: 7, [.session(FeedEntryTests.one, user: nil, until: FeedEntryTests.until)])
        let bytes = try codec.encode(FeedEntry(node: node, sentAt: FeedEntryTests.until, content: content))
        for position in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << UInt8(bit)
                #expect(codec.decode(changed) == nil, "bit \(bit) of byte \(position)")
            }
        }
    }

    @Test func `an entry of another fleet is refused`() throws {
        let other = FeedCodec(key: HMACSHA256Key(try SecretBytes(randomCount: 32)))
        let entry = FeedEntry(node: node, sentAt: FeedEntryTests.until, content: .farewell(next: 1))
        #expect(codec.decode(try other.encode(entry)) == nil)
    }

    @Test func `what the fleet tagged and no encoder writes is refused`() throws {
        let secret = try SecretBytes(randomCount: 32)
        let key = HMACSHA256Key(secret)
        let codec = FeedCodec(key: key)
        let head = node.bytes + FeedEntryTests.until.milliseconds.bigEndianBytes
        let bodies: [[UInt8]] = [
            // Another version, kinds that do not exist.
            [2, 2] + head + UInt64(0).bigEndianBytes + [0, 0],
            [1, 0] + head + UInt64(0).bigEndianBytes,
            [1, 5] + head + UInt64(0).bigEndianBytes,
            // No revocation, more than may be, a number beyond the last.
            [1, 1] + head + UInt64(0).bigEndianBytes + [0],
            [1, 1] + head + UInt64(0).bigEndianBytes + [65] + (0..<65).flatMap { _ in [6] + UInt64(1).bigEndianBytes },
            [1, 1] + head + UInt64.max.bigEndianBytes + [1, 6] + UInt64(1).bigEndianBytes,
            // A revocation of no kind.
            [1, 1] + head + UInt64(0).bigEndianBytes + [1, 7] + UInt64(1).bigEndianBytes,
            // More nodes than may be.
            [1, 2] + head + UInt64(0).bigEndianBytes + UInt16(257).bigEndianBytes + UInt64(1).bigEndianBytes
                + (0..<257).flatMap { Identifier(high: $0, low: 0).bytes },
        ]
        for body in bodies {
            let tag = try key.authenticate(Array("portcullis revocation stream".utf8) + body)
            #expect(codec.decode(body + tag) == nil)
        }
    }

    @Test func `random bytes are refused, whatever their length`() throws {
        for count in [0, 1, 31, 32, 33, 64, 100, 8192, 8193, 100_000] {
            #expect(codec.decode(try SecureRandom.bytes(count)) == nil)
        }
    }

    @Test func `a list that is too long is not told`() throws {
        let list = NodeList(
            nodes: (0..<257).map { Identifier(high: $0, low: 1) }, readAt: UnixTime(milliseconds: 5))
        let entry = FeedEntry(node: node, sentAt: FeedEntryTests.until, content: .mark(next: 1, list))
        let read = codec.decode(try codec.encode(entry))
        #expect(read?.content == .mark(next: 1, nil))
    }
}
