import Auth
import Foundation
import GRDB

/// The open transaction as an operation sees it: cached statements, each of them counted. Lives on the store's thread
/// and not beyond its batch.
final class Transaction {
    let limits: EmbeddedLimits
    private let database: Database
    private(set) var statements = 0

    init(_ database: Database, limits: EmbeddedLimits = EmbeddedLimits()) {
        self.database = database
        self.limits = limits
    }

    /// Until when a revocation made at `now` is kept.
    func revocationEnd(at now: UnixTime) -> UnixTime { now.adding(milliseconds: limits.revocationMilliseconds) }

    /// Rows changed by the last `run`.
    var changes: Int { database.changesCount }

    var lastInsertedID: Int64 { database.lastInsertedRowID }

    func run(_ sql: String, _ arguments: (any DatabaseValueConvertible)?...) throws {
        statements += 1
        try database.cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    }

    func row(_ sql: String, _ arguments: (any DatabaseValueConvertible)?...) throws -> StoredRow? {
        statements += 1
        let statement = try database.cachedStatement(sql: sql)
        return try Row.fetchOne(statement, arguments: StatementArguments(arguments)).map(StoredRow.init)
    }

    func rows(_ sql: String, _ arguments: (any DatabaseValueConvertible)?...) throws -> [StoredRow] {
        try rows(sql, all: arguments)
    }

    func rows(_ sql: String, all arguments: [(any DatabaseValueConvertible)?]) throws -> [StoredRow] {
        statements += 1
        let statement = try database.cachedStatement(sql: sql)
        return try Row.fetchAll(statement, arguments: StatementArguments(arguments)).map(StoredRow.init)
    }
}

/// A row read back, decoded without trust: what cannot be what we wrote is `StoreError.damaged`, never a trap.
struct StoredRow {
    private let row: Row

    init(_ row: Row) {
        self.row = row
    }

    func isNull(_ column: Int) throws(StoreError) -> Bool { try value(column).isNull }

    func integer(_ column: Int) throws(StoreError) -> Int64 {
        guard case .int64(let integer) = try value(column).storage else { throw wrongType(column) }
        return integer
    }

    func text(_ column: Int) throws(StoreError) -> String {
        guard case .string(let text) = try value(column).storage else { throw wrongType(column) }
        return text
    }

    func blob(_ column: Int) throws(StoreError) -> [UInt8] {
        guard case .blob(let data) = try value(column).storage else { throw wrongType(column) }
        return [UInt8](data)
    }

    func bool(_ column: Int) throws(StoreError) -> Bool { try integer(column) != 0 }

    func time(_ column: Int) throws(StoreError) -> UnixTime { UnixTime(milliseconds: try integer(column)) }

    func optionalTime(_ column: Int) throws(StoreError) -> UnixTime? {
        try isNull(column) ? nil : try time(column)
    }

    func optionalBlob(_ column: Int) throws(StoreError) -> [UInt8]? {
        try isNull(column) ? nil : try blob(column)
    }

    func optionalText(_ column: Int) throws(StoreError) -> String? {
        try isNull(column) ? nil : try text(column)
    }

    func optionalIdentifier(_ column: Int) throws(StoreError) -> Identifier? {
        try isNull(column) ? nil : try identifier(column)
    }

    func identifier(_ column: Int) throws(StoreError) -> Identifier {
        guard let identifier = Identifier(bytes: try blob(column)) else { throw wrongType(column) }
        return identifier
    }

    private func value(_ column: Int) throws(StoreError) -> DatabaseValue {
        guard column >= 0, column < row.count else { throw wrongType(column) }
        return row[column]
    }

    private func wrongType(_ column: Int) -> StoreError {
        let name = column >= 0 && column < row.count ? Array(row.columnNames)[column] : "\(column)"
        return .damaged("column \(name) holds what was never written there")
    }
}

extension Identifier {
    /// As a column holds it.
    var blob: Data { Data(bytes) }
}

extension StoreError {
    /// What an error of SQLite means for the caller of an operation whose changes were rolled back.
    init(_ error: any Error) {
        switch error {
        case let error as StoreError:
            self = error
        case let error as DatabaseError:
            switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CONSTRAINT, .SQLITE_SCHEMA, .SQLITE_MISMATCH,
                .SQLITE_ERROR:
                // The message names tables and columns, never a value.
                self = .damaged(error.message ?? error.resultCode.description)
            default:
                self = .unavailable
            }
        default:
            self = .unavailable
        }
    }
}
