import Glibc

/// Numbers and texts as people read them, the same in the terminal, on the page and in messages. Knows no locale.
enum Wording {
    /// With exactly `digits` (0...6) decimals; what is no finite number, or beyond 10^12, as Swift writes it.
    static func decimal(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return value.description }
        let power = (0..<digits).reduce(UInt64(1)) { result, _ in result * 10 }
        let scaled = UInt64((abs(value) * Double(power)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % power)
        return sign + "\(scaled / power)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// Three significant digits, at most two decimals.
    static func significant(_ value: Double) -> String {
        if abs(value) >= 99.95 { return grouped(decimal(value, 0)) }
        return decimal(value, abs(value) >= 9.995 ? 1 : 2)
    }

    /// `12,345`.
    static func count(_ value: UInt64) -> String { grouped(String(value)) }

    /// In the unit that leaves one to three digits before the point: `812 us`, `1.24 ms`, `340 ms`, `12.5 s`.
    static func duration(nanoseconds: Double) -> String {
        if nanoseconds < 999.5 { return decimal(nanoseconds, 0) + " ns" }
        if nanoseconds < 999.5e3 { return significant(nanoseconds / 1e3) + " us" }
        if nanoseconds < 999.5e6 { return significant(nanoseconds / 1e6) + " ms" }
        return significant(nanoseconds / 1e9) + " s"
    }

    /// Of 0...1, in per cent. Only what is all says 100 %, and only what is none says 0 %.
    static func percent(_ share: Double) -> String {
        if share <= 0 { return share < 0 ? decimal(share * 100, 2) + " %" : "0 %" }
        if share == 1 { return "100 %" }
        if share > 0.9999 && share < 1 { return ">99.99 %" }
        if share < 0.0001 { return "<0.01 %" }
        return decimal(share * 100, share > 0.99 || share < 0.1 ? 2 : 1) + " %"
    }

    /// `48 s`, `5 min 12 s`, `2 h 5 min`.
    static func span(seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "\(seconds) s" }
        if seconds < 9.95 && seconds != seconds.rounded() { return decimal(seconds, 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min" + (whole % 60 == 0 ? "" : " \(whole % 60) s") }
        return "\(whole / 3600) h" + (whole / 60 % 60 == 0 ? "" : " \(whole / 60 % 60) min")
    }

    /// `0:48`, `12:05`; negative seconds, a warm-up's, have a sign.
    static func clock(seconds: Double) -> String {
        guard seconds.isFinite, abs(seconds) < 1e9 else { return "\(seconds)" }
        let whole = Int(abs(seconds).rounded(.down))
        let rest = whole % 60
        return (seconds <= -1 ? "-" : "") + "\(whole / 60):" + (rest < 10 ? "0" : "") + String(rest)
    }

    /// `2026-11-28T03:14:07Z` of milliseconds since 1970.
    static func instant(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "\(milliseconds) ms since 1970" }
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
    }

    /// On one line and without control characters: a command or a server's words cannot move the cursor.
    static func plain(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            scalars.append(isControl ? " " : scalar)
        }
        return String(scalars)
    }

    private static func grouped(_ digits: String) -> String {
        var result = ""
        let sign = digits.hasPrefix("-") ? 1 : 0
        for (index, digit) in digits.enumerated() {
            let left = digits.count - index
            if index > sign && left % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return result
    }
}

extension Figure.Value {
    /// As it stands on a scoreboard.
    package var words: String {
        switch self {
        case .count(let value): Wording.count(value)
        case .share(let value): Wording.percent(value)
        case .ratio(let value): Wording.decimal(value, 2) + " x"
        case .milliseconds(let value): Wording.duration(nanoseconds: value * 1e6)
        case .seconds(let value): Wording.decimal(value, 1) + " s"
        case .never: "never"
        case .unknown(let why): "unknown (\(Wording.plain(why)))"
        }
    }
}
