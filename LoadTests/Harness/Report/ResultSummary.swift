import Glibc
import JSON

/// Why a file is no result of a run, in one sentence.
package struct ResultFileError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
}

/// What a comparison needs of a result file.
package struct ResultSummary: Sendable {
    package struct Operation: Sendable, Equatable {
        package let name: String
        package let count: UInt64
        package let ok: UInt64
        /// Successes a second.
        package let rate: Double
        /// Microseconds; a quantile that the file has as null is not in it.
        package let quantiles: [Quantile: Double]

        package var success: Double? { count == 0 ? nil : Double(ok) / Double(count) }
    }

    package struct Figure: Sendable, Equatable {
        package let name: String
        package let title: String
        /// Nil when it is unknown.
        package let value: Double?
        package let unit: String?
    }

    package let operations: [Operation]
    package let figures: [Figure]
    package let targets: [String]
    package let profile: String
    package let startedAt: String
    package let isValid: Bool
    package let isInterrupted: Bool
    /// Of each scenario, "name value" by its name.
    package let settings: [(scenario: String, settings: [String])]

    /// Reads what `ResultFile` wrote. Members it does not know are let be; one it needs must be there.
    package init(parsing bytes: [UInt8]) throws(ResultFileError) {
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: bytes, maximumDepth: 16) } catch {
            throw ResultFileError(description: "it is no JSON (at byte \(error.offset))")
        }
        guard let members = value.object, let run = members["run"]?.object, let defence = members["defence"]?.object
        else { throw ResultFileError(description: "it is no result of loadtest: `run` and `defence` are not in it") }
        operations = try members.members.filter { !ReportNames.reserved.contains($0.name) }.map {
            (member) throws(ResultFileError) in try Operation(member)
        }
        figures = try Self.figures(defence, details: members["defence_details"]?.object)
        guard let profile = run["profile"]?.string, let startedAt = run["started_at"]?.string,
            let isValid = run["valid"]?.bool, let isInterrupted = run["interrupted"]?.bool,
            let targets = run["targets"]?.array, let scenarios = run["scenarios"]?.array
        else { throw Self.damaged("run") }
        self.profile = profile
        self.startedAt = startedAt
        self.isValid = isValid
        self.isInterrupted = isInterrupted
        self.targets = targets.compactMap(\.string)
        settings = scenarios.compactMap(\.object).map { scenario in
            let settings = (scenario["settings"]?.array ?? []).compactMap(\.object)
            let texts = settings.map { "\($0["name"]?.string ?? "") \($0["value"]?.string ?? "")" }
            return (scenario["name"]?.string ?? "", texts)
        }
    }

    /// Reads the file at `path`, at most 256 MiB of it.
    package init(path: String) throws(ResultFileError) {
        let bytes = try Self.content(of: path)
        do throws(ResultFileError) { try self.init(parsing: bytes) } catch {
            throw ResultFileError(description: "\(Wording.plain(path)) cannot be compared: \(error.description).")
        }
    }

    private static func figures(
        _ defence: JSONObject, details: JSONObject?
    ) throws(ResultFileError) -> [Figure] {
        var figures: [Figure] = []
        for member in defence.members {
            guard member.value.isNull || member.value.double != nil else { throw damaged("defence.\(member.name)") }
            let detail = details?[member.name]?.object
            figures.append(
                Figure(
                    name: member.name, title: detail?["title"]?.string ?? member.name, value: member.value.double,
                    unit: detail?["unit"]?.string))
        }
        return figures
    }

    private static func content(of path: String) throws(ResultFileError) -> [UInt8] {
        func unreadable(_ code: Int32) -> ResultFileError {
            let reason = String(cString: strerror(code))
            return ResultFileError(description: "\(Wording.plain(path)) cannot be read: \(reason).")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw unreadable(errno) }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= 256 << 20 else { throw unreadable(EFBIG) }
        }
    }

    fileprivate static func damaged(_ member: String) -> ResultFileError {
        ResultFileError(description: "`\(Wording.plain(member))` in it is not what loadtest writes")
    }
}

extension ResultSummary.Operation {
    fileprivate init(_ member: JSONObject.Member) throws(ResultFileError) {
        guard let object = member.value.object, let count = object["count"]?.integer, count >= 0,
            let ok = object["ok"]?.integer, (0...count).contains(ok), let rate = object["rate"]?.double
        else { throw ResultSummary.damaged(member.name) }
        var quantiles: [Quantile: Double] = [:]
        for quantile in Quantile.allCases {
            guard let value = object["\(quantile.rawValue)_us"], value.isNull || value.double != nil else {
                throw ResultSummary.damaged("\(member.name).\(quantile.rawValue)_us")
            }
            quantiles[quantile] = value.double
        }
        self.init(name: member.name, count: UInt64(count), ok: UInt64(ok), rate: rate, quantiles: quantiles)
    }
}

extension JSONValue {
    /// A number of either kind.
    fileprivate var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}
