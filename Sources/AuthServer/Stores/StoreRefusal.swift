/// Why the embedded store does not start. The message names the file, says what is wrong and what to do about it; a
/// refusal leaves every file of the data folder as it was.
package struct StoreRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Reason: Sendable, Equatable {
        /// Another server holds the folder; its process id, nil where it has not written it yet.
        case inUse(processID: Int32?)
        /// Not a whole database of ours.
        case damaged
        /// Written by a later version.
        case newer
        /// The folder or a file in it cannot be used as it is: its kind, its permissions, the file system.
        case unusable
    }

    package let reason: Reason
    package let description: String

    static func inUse(_ path: String, processID: Int32?) -> StoreRefusal {
        let owner = processID.map { "by process \($0)" } ?? "by another process"
        return StoreRefusal(
            reason: .inUse(processID: processID),
            description: "The data folder \(path) is in use \(owner). Stop that server, or give this one a data folder "
                + "of its own (PORTCULLIS_DATA).")
    }

    static func damaged(_ path: String, _ detail: String) -> StoreRefusal {
        StoreRefusal(
            reason: .damaged,
            description:
                "The database \(path) is damaged: \(detail). Nothing was changed. Restore the data folder from "
                + "a backup, or move it away to start with an empty one: without a backup its accounts are lost. "
                + "If a node of a fleet served here, nothing is: set PORTCULLIS_DATABASE_URL.")
    }

    static func foreign(_ path: String) -> StoreRefusal {
        StoreRefusal(
            reason: .damaged,
            description: "\(path) is a database of another program. Nothing was changed. Point PORTCULLIS_DATA at the "
                + "right folder, or at an empty one.")
    }

    static func newer(_ path: String, found: Int64, known: Int) -> StoreRefusal {
        StoreRefusal(
            reason: .newer,
            description: "The database \(path) was written by a later version of Portcullis (schema \(found); this one "
                + "knows \(known)). Nothing was changed. Run that version, or restore the backup made before the upgrade."
        )
    }

    static func unusable(_ path: String, _ detail: String) -> StoreRefusal {
        StoreRefusal(reason: .unusable, description: "\(path) cannot be used: \(detail).")
    }
}
