import ArgumentParser
import Auth
import AuthServer
import Glibc
import HTTP
import JSON

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Read what happened.", subcommands: [Tail.self])

    struct Tail: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the newest entries, oldest first.",
            discussion: """
                With --json one entry a line.

                EXAMPLES
                  portcullis audit tail
                  portcullis audit tail -n 100 --event login.failed
                  portcullis audit tail -f --user ada
                """)

        @Option(name: .short, help: ArgumentHelp("How many entries.", valueName: "count")) var number = 20
        @Flag(name: .shortAndLong, help: "Go on with entries as they come, also across restarts of the server.")
        var follow = false
        @Option(help: "Of this event alone.") var event: String?
        @Option(help: "Of this account alone, by username or id; a deleted one by its id.") var user: String?
        @Option(help: ArgumentHelp("Since this moment (RFC 3339).", valueName: "time")) var since: String?
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (0...100_000).contains(number) else { throw ValidationError("-n must be from 0 to 100000.") }
        }

        func execute() throws {
            try installation.withAdministration { administration in
                var filter: [(name: String, value: String)] = []
                if let event { filter.append(("event", event)) }
                if let user { filter.append(("user", try subject(user, administration))) }
                var printer = AuditPrinter(administration, json: output.json)
                var reader = AuditReader(administration, filter)
                let newest = try reader.newest(max(number, 1), since: since)
                for entry in newest.suffix(number) { try printer.print(entry) }
                if follow { try self.follow(administration, &reader, &printer) }
            }
        }

        /// An id stands for itself: entries outlive the account.
        private func subject(_ user: String, _ administration: Administration) throws -> String {
            try Identifier(user).map { "\($0)" } ?? administration.userID(user)
        }

        /// Until the reader of the output leaves or a signal comes. A folder that no server has is not held meanwhile.
        private func follow(
            _ administration: Administration, _ reader: inout AuditReader, _ printer: inout AuditPrinter
        ) throws {
            while true {
                administration.session.endOwnServer()
                try StandardOutput.wait(milliseconds: 1000)
                guard try administration.session.isServerRunning() else { continue }
                do {
                    for entry in try reader.following() { try printer.print(entry) }
                } catch let failure as CommandFailure
                    where failure.code == CommandFailure.Code.temporaryFailure.rawValue
                {
                    continue
                }
            }
        }
    }
}

/// Reads the audit backward to its newest entries, then forward as it grows.
struct AuditReader {
    private let administration: Administration
    private let filter: [(name: String, value: String)]
    /// The newest entry that was read.
    private var last: (id: Int64, at: String)?
    private var cursor: String?

    init(_ administration: Administration, _ filter: [(name: String, value: String)]) {
        self.administration = administration
        self.filter = filter
    }

    /// The newest entries, oldest first.
    mutating func newest(_ count: Int, since: String?) throws -> [JSONObject] {
        var entries: [JSONObject] = []
        var next: String?
        let query = filter + (since.map { [("since", $0)] } ?? [])
        repeat {
            let limit = min(count - entries.count, Administration.pageLimit)
            let position = [("limit", String(limit))] + (next.map { [("cursor", $0)] } ?? [])
            let page = try administration.request(
                .get, "/audit" + Administration.query(query + position),
                arguments: ["event": "--event", "since": "--since"])
            entries += page.objects("items")
            next = page["next"]?.string
        } while next != nil && entries.count < count
        if let newest = entries.first { last = (newest["id"]?.integer ?? 0, newest.text("at")) }
        return entries.reversed()
    }

    /// What came since.
    mutating func following() throws -> [JSONObject] {
        var entries: [JSONObject] = []
        while true {
            var query = filter + [("order", "asc"), ("limit", String(Administration.pageLimit))]
            if let cursor { query.append(("cursor", cursor)) } else if let last { query.append(("since", last.at)) }
            let page = try administration.request(.get, "/audit" + Administration.query(query))
            let items = page.objects("items")
            if cursor != nil || !items.isEmpty { cursor = page["resume"]?.string }
            entries += items.filter { ($0["id"]?.integer ?? 0) > (last?.id ?? 0) }
            if items.count < Administration.pageLimit { break }
        }
        if let newest = entries.last { last = (newest["id"]?.integer ?? 0, newest.text("at")) }
        return entries
    }
}

/// One line an entry, with names in place of ids where there still is such an account.
struct AuditPrinter {
    private let administration: Administration
    private let isJSON: Bool
    private var names: [String: String] = [:]

    init(_ administration: Administration, json: Bool) {
        self.administration = administration
        isJSON = json
    }

    mutating func print(_ entry: JSONObject) throws {
        if isJSON { return try StandardOutput.line(entry.json) }
        let actor = entry.text("actor")
        var cells = [
            padded(entry.time("at"), 23), padded(entry.text("event"), 22),
            padded(actor.hasPrefix("user:") ? try name(String(actor.dropFirst(5))) : actor, 14),
            padded(try entry["user"]?.string.map { try name($0) } ?? "-", 14), padded(entry.text("address"), 15),
        ]
        if let detail = entry["detail"]?.string { cells.append(detail) }
        var line = Table.printable(cells.joined(separator: "  "))
        while line.hasSuffix(" ") { line.removeLast() }
        try StandardOutput.line(line)
    }

    private mutating func name(_ id: String) throws -> String {
        if let known = names[id] { return known }
        var name = id
        do {
            name = try administration.request(.get, "/users/\(id)").text("username")
        } catch let failure as CommandFailure where failure.code == CommandFailure.Code.noUser.rawValue {}
        names[id] = name
        return name
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
