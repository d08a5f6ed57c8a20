import Glibc
import OpenSSL

/// Tokens that one loop has verified. Bounded in entries and in bytes; a look-up allocates nothing.
///
/// The index is SipHash under a random key over the last 64 bytes. Those are signature (of HS256 43 characters, of the
/// others all 64), which differs between any two good tokens, so more bytes would find nothing apart that these do not;
/// and only good tokens are put in, so a stranger can neither fill a set nor, without the key, aim at one. The whole token
/// is compared before an entry is used. Plain `memcmp` may tell by its time how far two tokens agree, but only to
/// somebody who has the last 64 bytes right already.
///
/// Eight ways a set, whose hashes share a cache line; the victim is a way that was not used since the set's last eviction.
final class AccessTokenCache {
    private struct Slot {
        var bytes: UnsafeMutableRawPointer?
        var count = 0
        var token: AccessToken?
        var isRecent = false
    }

    private static let ways = 8
    private static let hashedCount = 64
    /// What an entry takes beside the token's own bytes: its object, its roles and what a server attaches.
    private static let overheadBytes = 768

    private let sipHash: SipHash
    /// Of the slots of the same index. Zero when empty; a token may hash to zero too, so the slot decides.
    private let hashes: UnsafeMutableBufferPointer<UInt64>
    private let slots: UnsafeMutablePointer<Slot>
    private let slotCount: Int
    private let setMask: UInt64
    private let maximumBytes: Int
    private var bytes = 0
    private var hand = 0
    /// Knuth's congruential generator: chance enough to choose among eight.
    private var random: UInt64
    private(set) var count = 0
    private(set) var evictions: UInt64 = 0

    /// `capacity` is rounded up to a power of two, between 16 and a million entries.
    init(capacity: Int, maximumBytes: Int) throws(OpenSSLError) {
        let random = try SecureRandom.bytes(16)
        sipHash = SipHash(UInt64(bigEndianBytes: random[0..<8]), UInt64(bigEndianBytes: random[8..<16]))
        self.random = sipHash.hash(UnsafeRawBufferPointer(start: nil, count: 0))
        var sets = 2
        while sets * AccessTokenCache.ways < min(capacity, 1 << 20) { sets *= 2 }
        setMask = UInt64(sets - 1)
        slotCount = sets * AccessTokenCache.ways
        let line = UnsafeMutableRawBufferPointer.allocate(byteCount: slotCount * 8, alignment: 64)
        hashes = line.initializeMemory(as: UInt64.self, repeating: 0)
        slots = .allocate(capacity: slotCount)
        slots.initialize(repeating: Slot(), count: slotCount)
        self.maximumBytes = maximumBytes
    }

    deinit {
        for index in 0..<slotCount { slots[index].bytes?.deallocate() }
        slots.deinitialize(count: slotCount)
        slots.deallocate()
        UnsafeMutableRawBufferPointer(hashes).deallocate()
    }

    /// The entry of exactly these bytes.
    func find(_ token: UnsafeRawBufferPointer) -> AccessToken? {
        guard let hash = hash(of: token), let index = index(of: token, hash: hash) else { return nil }
        slots[index].isRecent = true
        return slots[index].token
    }

    /// Puts a token in that `find` has just missed. One of under 64 bytes or of more than all the room is left out.
    func insert(_ bytes: UnsafeRawBufferPointer, _ token: AccessToken) {
        guard let base = bytes.baseAddress, let hash = hash(of: bytes),
            bytes.count + AccessTokenCache.overheadBytes <= maximumBytes
        else { return }
        let index = victim(in: set(of: hash))
        evict(index)
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 8)
        copy.copyMemory(from: base, byteCount: bytes.count)
        hashes[index] = hash
        slots[index] = Slot(bytes: copy, count: bytes.count, token: token, isRecent: true)
        self.bytes += bytes.count + AccessTokenCache.overheadBytes
        count += 1
        while self.bytes > maximumBytes {
            hand = hand + 1 < slotCount ? hand + 1 : 0
            if hand != index { evict(hand) }
        }
    }

    func remove(_ token: UnsafeRawBufferPointer) {
        guard let hash = hash(of: token), let index = index(of: token, hash: hash) else { return }
        clear(index)
    }

    private func hash(of token: UnsafeRawBufferPointer) -> UInt64? {
        guard token.count >= AccessTokenCache.hashedCount else { return nil }
        return sipHash.hash(
            UnsafeRawBufferPointer(rebasing: token[(token.count &- AccessTokenCache.hashedCount)...]))
    }

    private func set(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash & setMask) &* AccessTokenCache.ways }

    private func index(of token: UnsafeRawBufferPointer, hash: UInt64) -> Int? {
        guard let base = token.baseAddress else { return nil }
        let start = set(of: hash)
        for index in start..<(start &+ AccessTokenCache.ways) where hashes[index] == hash {
            guard let bytes = slots[index].bytes, slots[index].count == token.count,
                memcmp(bytes, base, token.count) == 0
            else { continue }
            return index
        }
        return nil
    }

    /// An empty way, or one that was not used lately, or any: chosen by chance, because tokens that come round in turn
    /// would push each other out for ever by any fixed order.
    private func victim(in start: Int) -> Int {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let first = Int(truncatingIfNeeded: random >> 32) % AccessTokenCache.ways
        var unused: Int?
        for step in 0..<AccessTokenCache.ways {
            let index = start + (first + step) % AccessTokenCache.ways
            if slots[index].bytes == nil { return index }
            if unused == nil, !slots[index].isRecent { unused = index }
        }
        if let unused { return unused }
        for index in start..<(start + AccessTokenCache.ways) { slots[index].isRecent = false }
        return start + first
    }

    private func evict(_ index: Int) {
        guard slots[index].bytes != nil else { return }
        evictions &+= 1
        clear(index)
    }

    private func clear(_ index: Int) {
        guard let copy = slots[index].bytes else { return }
        copy.deallocate()
        bytes -= slots[index].count + AccessTokenCache.overheadBytes
        count -= 1
        hashes[index] = 0
        slots[index] = Slot()
    }
}
