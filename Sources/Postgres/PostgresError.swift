/// Why a statement was not answered. What it says decides whether repeating it is safe.
package struct PostgresError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// Nothing was sent: no connection, too many wait, or no turn before the deadline. Or nothing of what was sent can
        /// have been committed, since it changes nothing or its COMMIT was not sent.
        case unavailable
        /// The connection broke, or the deadline passed, after something was sent that may have been committed.
        case inDoubt
        /// The server refused, and nothing of the transaction is there.
        case refused(SQLState)
        /// An answer that cannot be read: a column that is missing, null or of another type.
        case malformed
    }

    package let code: Code
    /// For the log: what failed, without parameters and without secrets.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code): \(message)" }
}

/// The five characters of an error's SQLSTATE (PostgreSQL manual, appendix A).
package struct SQLState: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package init(_ text: some StringProtocol) { self.text = String(text) }

    package var description: String { text }
    /// Its first two characters.
    package var errorClass: Substring { text.prefix(2) }

    package static let uniqueViolation = SQLState("23505")
    package static let serializationFailure = SQLState("40001")
    package static let deadlockDetected = SQLState("40P01")
    package static let lockNotAvailable = SQLState("55P03")
    package static let queryCanceled = SQLState("57014")
    package static let adminShutdown = SQLState("57P01")
    package static let crashShutdown = SQLState("57P02")
    package static let cannotConnectNow = SQLState("57P03")
    package static let readOnlyTransaction = SQLState("25006")
    /// A prepared statement that the connection does not have (any more).
    package static let unknownStatement = SQLState("26000")
    /// Of a prepared statement: its table has other columns now.
    package static let featureNotSupported = SQLState("0A000")
    package static let invalidPassword = SQLState("28P01")
    package static let tooManyConnections = SQLState("53300")
    package static let diskFull = SQLState("53100")
    package static let undefinedTable = SQLState("42P01")
    /// RAISE without a code of its own.
    package static let raised = SQLState("P0001")
}
