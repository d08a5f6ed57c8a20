import CPostgres

/// The one owner of a result of libpq's, to be read once.
struct StatementResult: ~Copyable {
    enum Content {
        case answer(QueryResult)
        /// One without a state (`inDoubt`) is libpq's own: the connection broke.
        case error(PostgresError)
        /// A statement before it failed.
        case skipped
        /// All before it is done with.
        case sync
        /// Nothing we ever ask for: COPY.
        case unexpected
    }

    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }

    consuming func take() -> Content {
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            return .answer(QueryResult(rows: rows(), affected: Int(String(cString: PQcmdTuples(result))) ?? 0))
        case PGRES_PIPELINE_SYNC: return .sync
        case PGRES_PIPELINE_ABORTED: return .skipped
        case PGRES_FATAL_ERROR: return .error(StatementResult.error(in: result))
        default: return .unexpected
        }
    }

    private func rows() -> [Row] {
        let columns = PQnfields(result)
        return (0..<PQntuples(result)).map { row in
            Row(
                columns: (0..<columns).map { column in
                    if PQgetisnull(result, row, column) == 1 { return nil }
                    let count = Int(PQgetlength(result, row, column))
                    return PQgetvalue(result, row, column).map {
                        Array(UnsafeRawBufferPointer(start: $0, count: count))
                    }
                })
        }
    }

    private static func error(in result: OpaquePointer) -> PostgresError {
        guard let state = field("C", of: result).map({ SQLState($0) }) else {
            return PostgresError(.inDoubt, "the connection broke")
        }
        // Data exceptions quote the data.
        return PostgresError(
            .refused(state), state.errorClass == "22" ? "data exception" : field("M", of: result) ?? "")
    }

    /// A field of an error or a notice by the letter it has in the protocol (PostgreSQL manual, section 55.8).
    static func field(_ letter: Unicode.Scalar, of result: OpaquePointer?) -> String? {
        PQresultErrorField(result, Int32(letter.value)).map { String(cString: $0) }
    }
}
