import JSON

/// How an authentication server is spoken to: what a profile file says (docs/LOADTEST-PROFILES.md).
package struct TargetProfile: Sendable {
    /// What the harness gives to every request; everything else is captured or given on the command line.
    static let givenVariables = ["username", "password", "address"]

    /// Names of series in Prometheus' format that say what the target did; each is summed over its labels.
    package struct Metrics: Sendable, Equatable {
        /// Password hashes computed, a counter.
        package var passwordChecks: String?
        /// CPU of the whole target in seconds, a counter.
        package var cpuSeconds: String?
        /// CPU of password hashes alone in seconds, a counter.
        package var hashCPUSeconds: String?
        /// Logins turned away by a limit, a counter.
        package var throttled: String?
        /// Logins turned away because too many waited, a counter.
        package var overloaded: String?

        package init() {}
    }

    /// What the names of the target's threads begin with, where it runs on this machine.
    package struct Threads: Sendable, Equatable {
        /// Those that answer requests.
        package var loops: String?
        /// Those that compute password hashes.
        package var hashers: String?

        package init() {}
    }

    package let name: String
    package let summary: String
    /// How the target is told a simulated client's address unless the command line says otherwise.
    package let clientAddress: ClientAddressCarrier
    /// Characters of the passwords of planted accounts.
    package let passwordLength: Int
    package let metrics: Metrics
    package let threads: Threads
    /// What the command line must give, each with a few words on what it is, in the order of the file.
    package let variables: [(name: String, summary: String)]
    /// In the order of `OperationName`.
    package let operations: [OperationTemplate]

    package subscript(_ name: OperationName) -> OperationTemplate? { operations.first { $0.name == name } }

    /// The operation, when there is one and `variables` hold what it needs of the command line.
    package func operation(
        _ name: OperationName, given variables: Variables
    ) throws(ProfileError) -> OperationTemplate {
        guard let operation = self[name] else {
            throw ProfileError("The profile \(self.name) has no operation \(name.rawValue), which this run needs.")
        }
        for variable in self.variables where variables[variable.name] == nil {
            if operation.requiredVariables.contains(variable.name) {
                throw ProfileError(
                    "\(name.rawValue) needs --var \(variable.name)=… or --var-file \(variable.name)=FILE: "
                        + "\(variable.summary).")
            }
        }
        return operation
    }
}

// MARK: - Reading

extension TargetProfile {
    /// Of a profile file, in bytes: many times what the longest needs.
    package static let longestFile = 256 * 1024

    private static let memberNames = [
        "name", "description", "client_address", "password_length", "variables", "operations", "metrics", "threads",
    ]

    /// Reads a profile; the first thing wrong with it is thrown, as one sentence with its place.
    package init(parsing bytes: [UInt8]) throws(ProfileError) {
        guard bytes.count <= Self.longestFile else {
            throw ProfileError("The profile is longer than \(Self.longestFile / 1024) KiB.")
        }
        let members = try ProfileReader(try JSONValue(profile: bytes)).members(Self.memberNames)
        name = try Self.readName(try members.required("name", at: ""))
        summary = try members["description"]?.string() ?? ""
        clientAddress = try members["client_address"].map(ClientAddressCarrier.init) ?? .none
        passwordLength = try members["password_length"]?.integer(SyntheticCredentials.passwordLengths) ?? 20
        metrics = try members["metrics"].map(Metrics.init) ?? Metrics()
        threads = try members["threads"].map(Threads.init) ?? Threads()
        variables = try members["variables"].map(Self.readVariables) ?? []
        operations = try Self.readOperations(try members.required("operations", at: ""))
        try checkVariables()
    }

    private static func readName(_ reader: ProfileReader) throws(ProfileError) -> String {
        let name = try reader.string(atMost: 64)
        guard name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw reader.error("must hold visible ASCII only")
        }
        return name
    }

    private static func readVariables(
        _ reader: ProfileReader
    ) throws(ProfileError) -> [(name: String, summary: String)] {
        var variables: [(name: String, summary: String)] = []
        for (name, reader) in try reader.members(atMost: 32) {
            guard Template.isVariableName(name) else { throw reader.error("this is no name of a variable") }
            if givenVariables.contains(name) { throw reader.error("the harness itself gives {\(name)}") }
            variables.append((name, try reader.string(atMost: 256)))
        }
        return variables
    }

    private static func readOperations(_ reader: ProfileReader) throws(ProfileError) -> [OperationTemplate] {
        let members = try reader.members(OperationName.allCases.map(\.rawValue))
        guard !members.isEmpty else { throw reader.error("must hold an operation at least") }
        var operations: [OperationTemplate] = []
        for name in OperationName.allCases {
            if let reader = members[name.rawValue] { operations.append(try OperationReader.read(name, reader)) }
        }
        return operations
    }

    /// Every variable of a template comes from somewhere.
    private func checkVariables() throws(ProfileError) {
        let captured = operations.flatMap { $0.rules.captures.map(\.variable) }
        for variable in variables where captured.contains(variable.name) {
            throw ProfileError(at: "variables.\(variable.name)", "an operation captures a variable of that name")
        }
        let known = Set(Self.givenVariables + captured + variables.map(\.name))
        for operation in operations {
            for (name, _) in operation.variables where !known.contains(name) {
                throw ProfileError(
                    at: "operations.\(operation.name.rawValue)",
                    "nothing gives {\(name)}: no operation captures it, and it is not among the variables")
            }
        }
    }
}

extension TargetProfile.Metrics {
    fileprivate init(_ reader: ProfileReader) throws(ProfileError) {
        let members = try reader.members([
            "password_checks", "cpu_seconds", "hash_cpu_seconds", "throttled", "overloaded",
        ])
        func series(_ name: String) throws(ProfileError) -> String? {
            guard let reader = members[name] else { return nil }
            let text = try reader.string(atMost: 256)
            let isValid = text.utf8.enumerated().allSatisfy { index, byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "_"), UInt8(ascii: ":"):
                    true
                case UInt8(ascii: "0")...UInt8(ascii: "9"): index > 0
                default: false
                }
            }
            guard isValid else { throw reader.error("this is no name of a series") }
            return text
        }
        passwordChecks = try series("password_checks")
        cpuSeconds = try series("cpu_seconds")
        hashCPUSeconds = try series("hash_cpu_seconds")
        throttled = try series("throttled")
        overloaded = try series("overloaded")
    }
}

extension TargetProfile.Threads {
    /// The kernel keeps 15 bytes of a thread's name.
    fileprivate init(_ reader: ProfileReader) throws(ProfileError) {
        let members = try reader.members(["loops", "hashers"])
        loops = try members["loops"]?.string(atMost: 15)
        hashers = try members["hashers"]?.string(atMost: 15)
    }
}
