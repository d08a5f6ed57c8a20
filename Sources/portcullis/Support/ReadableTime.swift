import Foundation

/// Moments for people.
enum ReadableTime {
    /// `2026-01-02 03:04:05 UTC`; the number itself for what is no year of four digits.
    static func text(seconds: Int64) -> String {
        guard (0..<253_402_300_800).contains(seconds) else { return String(seconds) }
        return Date(timeIntervalSince1970: Double(seconds)).formatted(
            .verbatim(
                "\(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits) UTC",
                timeZone: .gmt, calendar: Calendar(identifier: .gregorian)))
    }
}
