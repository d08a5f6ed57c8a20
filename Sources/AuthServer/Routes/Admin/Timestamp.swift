import Auth

/// Moments as JSON and queries carry them: RFC 3339, written in UTC.
enum Timestamp {
    /// The end of the year 9999: four digits are all the format has.
    private static let range: ClosedRange<Int64> = 0...253_402_300_799_999

    /// `2026-01-02T03:04:05Z`, or with `.678` for milliseconds. What is out of the years 1970-9999 comes out as the
    /// nearest end.
    static func text(_ time: UnixTime, milliseconds: Bool = false) -> String {
        let clamped = min(max(time.milliseconds, range.lowerBound), range.upperBound)
        let (seconds, rest) = (clamped / 1000, clamped % 1000)
        let (year, month, day) = civil(daysSinceEpoch: seconds / 86_400)
        let time = seconds % 86_400
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let clock = "\(padded(time / 3600, 2)):\(padded(time / 60 % 60, 2)):\(padded(time % 60, 2))"
        return "\(date)T\(clock)\(milliseconds ? ".\(padded(rest, 3))" : "")Z"
    }

    /// From RFC 3339 with any offset, years 1970-9999; nil for anything else. Digits beyond milliseconds are dropped;
    /// leap seconds are refused.
    static func parse(_ text: String) -> UnixTime? {
        var reader = Reader(rest: Array(text.utf8)[...])
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), reader.take("T") || reader.take("t"), let hour = reader.number(2),
            reader.take(":"), let minute = reader.number(2), reader.take(":"), let second = reader.number(2),
            let fraction = reader.fraction(), let offset = reader.offset(), reader.rest.isEmpty
        else { return nil }
        guard year >= 1970, (1...12).contains(month), hour < 24, minute < 60, second < 60 else { return nil }
        let days = daysSinceEpoch(year, month, day)
        let (_, sameMonth, sameDay) = civil(daysSinceEpoch: days)
        guard sameMonth == month, sameDay == day else { return nil }
        let time = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
        let value = time * 1000 + fraction
        return range.contains(value) ? UnixTime(milliseconds: value) : nil
    }

    /// Reads from the front; each method returns nil or false and leaves what it does not know.
    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func number(_ digits: Int) -> Int64? {
            let text = rest.prefix(digits)
            guard text.count == digits, text.allSatisfy(Reader.isDigit) else { return nil }
            rest = rest.dropFirst(digits)
            return text.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        }

        /// Milliseconds, 0 without a fraction.
        mutating func fraction() -> Int64? {
            guard take(".") else { return 0 }
            let digits = rest.prefix(while: Reader.isDigit)
            guard (1...9).contains(digits.count) else { return nil }
            rest = rest.dropFirst(digits.count)
            let value = digits.prefix(3).reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
            return digits.count == 1 ? value * 100 : digits.count == 2 ? value * 10 : value
        }

        /// Minutes east of UTC.
        mutating func offset() -> Int64? {
            if take("Z") || take("z") { return 0 }
            let isEast = take("+")
            guard isEast || take("-"), let hours = number(2), take(":"), let minutes = number(2), hours < 24,
                minutes < 60
            else { return nil }
            return (isEast ? 1 : -1) * (hours * 60 + minutes)
        }

        private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Gregorian year, month and day: eras of 400 years that begin on 1 March, so that a leap day comes last. Days from
    /// 1970 on.
    private static func civil(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let days = daysSinceEpoch + 719_468
        let (era, dayOfEra) = (days / 146_097, days % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    /// The other way round.
    private static func daysSinceEpoch(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = (shifted / 400, shifted % 400)
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
