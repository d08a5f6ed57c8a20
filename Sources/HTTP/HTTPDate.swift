/// A moment as IMF-fixdate (RFC 9110 section 5.6.7), with the whole `Date` line made once: a server makes one a second.
package struct HTTPDate: Sendable, CustomStringConvertible {
    /// `Date: Sun, 06 Nov 1994 08:49:37 GMT` and CRLF.
    private var line = InlineArray<37, UInt8>(repeating: 0)

    /// `unixSeconds` beyond the years 1970-9999 is brought to the nearest end: four digits are all the format has.
    package init(unixSeconds: Int64) {
        let seconds = min(max(unixSeconds, 0), 253_402_300_799)
        let days = Int(seconds / 86_400)
        let time = Int(seconds % 86_400)
        let (year, month, day) = Self.civil(daysSinceEpoch: days)
        let weekdays: StaticString = "ThuFriSatSunMonTueWed"
        let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
        put("Date: ", at: 0)
        put(weekdays, from: days % 7 * 3, count: 3, at: 6)
        put(", ", at: 9)
        put(twoDigits: day, at: 11)
        put(" ", at: 13)
        put(months, from: (month - 1) * 3, count: 3, at: 14)
        put(" ", at: 17)
        put(twoDigits: year / 100, at: 18)
        put(twoDigits: year % 100, at: 20)
        put(" ", at: 22)
        put(twoDigits: time / 3600, at: 23)
        put(":", at: 25)
        put(twoDigits: time / 60 % 60, at: 26)
        put(":", at: 28)
        put(twoDigits: time % 60, at: 29)
        put(" GMT\r\n", at: 31)
    }

    /// The 29 bytes of the date alone.
    package var description: String { withLine { String(decoding: $0[6..<35], as: UTF8.self) } }

    func withLine<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        line.span.withUnsafeBytes(body)
    }

    /// Gregorian year, month and day: eras of 400 years that begin on 1 March, so that a leap day comes last.
    private static func civil(daysSinceEpoch: Int) -> (year: Int, month: Int, day: Int) {
        let days = daysSinceEpoch + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private mutating func put(_ text: StaticString, at offset: Int) {
        put(text, from: 0, count: text.utf8CodeUnitCount, at: offset)
    }

    private mutating func put(_ text: StaticString, from start: Int, count: Int, at offset: Int) {
        for index in 0..<count { line[offset + index] = text.utf8Start[start + index] }
    }

    private mutating func put(twoDigits value: Int, at offset: Int) {
        line[offset] = UInt8(ascii: "0") + UInt8(value / 10)
        line[offset + 1] = UInt8(ascii: "0") + UInt8(value % 10)
    }
}
