import Glibc

/// Character classes of RFC 9110 and 9112, as bit sets over ASCII: no table to load, no bounds to check.
@inline(__always)
private func isMember(_ byte: UInt8, _ low: UInt64, _ high: UInt64) -> Bool {
    let bits = byte & 0x40 == 0 ? low : high
    return byte < 0x80 && (bits &>> UInt64(byte & 0x3F)) & 1 == 1
}

/// tchar: letters, digits and ``!#$%&'*+-.^_`|~`` (RFC 9110 section 5.6.2).
@inline(__always)
package func isTokenCharacter(_ byte: UInt8) -> Bool { isMember(byte, 0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE) }

/// unreserved and sub-delims: what a registered name is made of, percent-encoding apart (RFC 3986 section 3.2.2).
@inline(__always)
func isHostCharacter(_ byte: UInt8) -> Bool { isMember(byte, 0x2BFF_7FD2_0000_0000, 0x47FF_FFFE_87FF_FFFE) }

/// What a request target may hold: visible ASCII but `#`. A few of these are no URI characters (`|`, `{`, `"`), but
/// browsers send them raw, and a proxy that asks us about its client's target must get an answer.
@inline(__always)
func isTargetCharacter(_ byte: UInt8) -> Bool { isMember(byte, 0xFFFF_FFF6_0000_0000, 0x7FFF_FFFF_FFFF_FFFF) }

/// cookie-octet: visible ASCII but `"`, `,`, `;` and `\` (RFC 6265 section 4.1.1).
@inline(__always)
func isCookieCharacter(_ byte: UInt8) -> Bool { isMember(byte, 0xF7FF_EFFA_0000_0000, 0x7FFF_FFFF_EFFF_FFFF) }

/// SP or HTAB.
@inline(__always)
func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

/// VCHAR, obs-text, SP or HTAB (RFC 9110 section 5.5).
@inline(__always)
func isFieldCharacter(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

@inline(__always)
func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }

func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- UInt8(ascii: "a") &+ 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- UInt8(ascii: "A") &+ 10
    default: nil
    }
}

/// Whether all of `bytes` may stand in a field value: no control but HTAB. Eight at a time.
@inline(__always)
func areFieldCharacters(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var offset = 0
    while count &- offset >= 8 {
        let word = start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let deletes = word ^ (ones &* 0x7F)
        // A byte below 0x20 or equal to 0x7F leaves its high bit set here; so may one after it: looked at singly below.
        let suspects = ((word &- ones &* 0x20) & ~word) | ((deletes &- ones) & ~deletes)
        if suspects & (ones &* 0x80) != 0 {
            for index in offset..<(offset &+ 8)
            where !isFieldCharacter(start.load(fromByteOffset: index, as: UInt8.self)) {
                return false
            }
        }
        offset &+= 8
    }
    while offset < count {
        guard isFieldCharacter(start.load(fromByteOffset: offset, as: UInt8.self)) else { return false }
        offset &+= 1
    }
    return true
}

extension UnsafeRawBufferPointer {
    /// Compares with `lowercase`, which holds lower-case letters, digits and `-` only, ignoring the case of ASCII.
    @inline(__always)
    package func equalsIgnoringCase(_ lowercase: StaticString) -> Bool {
        guard count == lowercase.utf8CodeUnitCount, let base = baseAddress else { return false }
        return matchesIgnoringCase(base, lowercase)
    }

    /// Compares byte by byte.
    package func equals(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        guard let base = baseAddress else { return true }
        return memcmp(base, literal.utf8Start, count) == 0
    }

    /// The first LF at or behind `start`; nil when there is none.
    @inline(__always)
    func lineFeed(from start: Int) -> Int? {
        guard let base = baseAddress, start < count, let found = memchr(base + start, 0x0A, count &- start) else {
            return nil
        }
        return UnsafeRawPointer(found) - base
    }

    /// Without the SP and HTAB around it.
    package var trimmingBlanks: UnsafeRawBufferPointer {
        var (start, end) = (0, count)
        while start < end, isBlank(self[start]) { start += 1 }
        while end > start, isBlank(self[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: self[start..<end])
    }
}

/// The bytes at `start`, as many as `lowercase` has, were checked to be token characters: 0x20 then folds letters only
/// onto letters and nothing onto a digit or `-`.
@inline(__always)
func matchesIgnoringCase(_ start: UnsafeRawPointer, _ lowercase: StaticString) -> Bool {
    for index in 0..<lowercase.utf8CodeUnitCount
    where start.load(fromByteOffset: index, as: UInt8.self) | 0x20 != lowercase.utf8Start[index] {
        return false
    }
    return true
}
