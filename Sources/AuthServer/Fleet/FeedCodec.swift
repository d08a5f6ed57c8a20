import Auth
import OpenSSL

/// The bytes of a stream entry: version, kind, writer, time, content, and a tag (HMAC-SHA-256) over all before it.
/// Numbers are in network order. Anything that the encoder does not write is refused: there is one form of each entry.
struct FeedCodec: Sendable {
    /// What is larger is no entry of ours and not looked at.
    static let maximumBytes = 8192
    private static let version: UInt8 = 1
    /// The tag also covers this, so that no other use of the key yields one.
    private static let label = Array("portcullis revocation stream".utf8)
    private static let tagBytes = HMACSHA256Key.tagByteCount

    private enum Kind: UInt8 {
        case revocations = 1
        case mark = 2
        case keys = 3
        case farewell = 4
    }

    private let key: HMACSHA256Key

    init(key: HMACSHA256Key) { self.key = key }

    func encode(_ entry: FeedEntry) throws(OpenSSLError) -> [UInt8] {
        var bytes = [FeedCodec.version, FeedCodec.kind(of: entry.content).rawValue]
        bytes.reserveCapacity(512)
        bytes += entry.node.bytes
        bytes += entry.sentAt.milliseconds.bigEndianBytes
        switch entry.content {
        case .revocations(let first, let revocations):
            bytes += first.bigEndianBytes
            bytes.append(UInt8(revocations.count))
            for revocation in revocations { FeedCodec.append(revocation, to: &bytes) }
        case .mark(let next, let list):
            bytes += next.bigEndianBytes
            FeedCodec.append(list, to: &bytes)
        case .keys(let version): bytes += version.bigEndianBytes
        case .farewell(let next): bytes += next.bigEndianBytes
        }
        return bytes + (try key.authenticate(FeedCodec.label + bytes))
    }

    /// Nil for whatever is not an entry, or not of this fleet.
    func decode(_ bytes: [UInt8]) -> FeedEntry? {
        guard bytes.count > FeedCodec.tagBytes, bytes.count <= FeedCodec.maximumBytes else { return nil }
        let content = bytes.dropLast(FeedCodec.tagBytes)
        let tag = Array(bytes.suffix(FeedCodec.tagBytes))
        guard key.isValid(tag, for: FeedCodec.label + content) else { return nil }
        var reader = FeedReader(content)
        guard let entry = FeedCodec.entry(&reader), reader.isAtEnd else { return nil }
        return entry
    }

    private static func kind(of content: FeedEntry.Content) -> Kind {
        switch content {
        case .revocations: .revocations
        case .mark: .mark
        case .keys: .keys
        case .farewell: .farewell
        }
    }

    private static func entry(_ reader: inout FeedReader) -> FeedEntry? {
        guard reader.byte() == version, let kind = reader.byte().flatMap(Kind.init), let node = reader.identifier(),
            let sentAt = reader.time(), let content = content(kind, &reader)
        else { return nil }
        return FeedEntry(node: node, sentAt: sentAt, content: content)
    }

    private static func content(_ kind: Kind, _ reader: inout FeedReader) -> FeedEntry.Content? {
        guard let number: UInt64 = reader.integer() else { return nil }
        switch kind {
        case .keys: return .keys(version: Int64(bitPattern: number))
        case .farewell: return .farewell(next: number)
        case .mark:
            guard let count: UInt16 = reader.integer(), count <= NodeList.maximumCount else { return nil }
            if count == 0 { return .mark(next: number, nil) }
            guard let readAt = reader.time() else { return nil }
            var nodes: [Identifier] = []
            for _ in 0..<count {
                guard let node = reader.identifier() else { return nil }
                nodes.append(node)
            }
            return .mark(next: number, NodeList(nodes: nodes, readAt: readAt))
        case .revocations:
            guard let count = reader.byte(), (1...FeedEntry.maximumRevocations).contains(Int(count)),
                number <= .max - UInt64(count)
            else { return nil }
            var revocations: [Revocation] = []
            for _ in 0..<count {
                guard let revocation = revocation(&reader) else { return nil }
                revocations.append(revocation)
            }
            return .revocations(first: number, revocations)
        }
    }

    private static func append(_ list: NodeList?, to bytes: inout [UInt8]) {
        guard let list, !list.nodes.isEmpty, list.nodes.count <= NodeList.maximumCount else {
            bytes += UInt16(0).bigEndianBytes
            return
        }
        bytes += UInt16(list.nodes.count).bigEndianBytes
        bytes += list.readAt.milliseconds.bigEndianBytes
        for node in list.nodes { bytes += node.bytes }
    }

    // MARK: Revocations

    private static func append(_ revocation: Revocation, to bytes: inout [UInt8]) {
        switch revocation {
        case .token(let id, let user, let until): append(user == nil ? 1 : 2, id, user, until, to: &bytes)
        case .session(let id, let user, let until): append(user == nil ? 3 : 4, id, user, until, to: &bytes)
        case .user(let id, let minimumVersion, let until):
            append(5, id, nil, until, to: &bytes)
            bytes += minimumVersion.bigEndianBytes
        case .generation(let generation):
            bytes.append(6)
            bytes += generation.bigEndianBytes
        }
    }

    private static func append(
        _ kind: UInt8, _ id: Identifier, _ user: Identifier?, _ until: UnixTime, to bytes: inout [UInt8]
    ) {
        bytes.append(kind)
        bytes += id.bytes
        if let user { bytes += user.bytes }
        bytes += until.milliseconds.bigEndianBytes
    }

    private static func revocation(_ reader: inout FeedReader) -> Revocation? {
        guard let kind = reader.byte() else { return nil }
        if kind == 6 { return reader.integer().map { (number: UInt64) in .generation(Int64(bitPattern: number)) } }
        guard (1...5).contains(kind), let id = reader.identifier() else { return nil }
        var user: Identifier?
        if kind == 2 || kind == 4 {
            user = reader.identifier()
            if user == nil { return nil }
        }
        guard let until = reader.time() else { return nil }
        switch kind {
        case 1, 2: return .token(id, user: user, until: until)
        case 3, 4: return .session(id, user: user, until: until)
        default:
            return reader.integer().map { (number: UInt64) in
                .user(id, minimumVersion: Int64(bitPattern: number), until: until)
            }
        }
    }
}

/// Takes values off the front of an entry; nil where it ends too soon.
private struct FeedReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func integer<Number: FixedWidthInteger & UnsignedInteger>() -> Number? {
        take(Number.bitWidth / 8).map { Number(bigEndianBytes: $0) }
    }

    mutating func identifier() -> Identifier? { take(16).flatMap { Identifier(bytes: Array($0)) } }

    mutating func time() -> UnixTime? {
        integer().map { (number: UInt64) in UnixTime(milliseconds: Int64(bitPattern: number)) }
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}
