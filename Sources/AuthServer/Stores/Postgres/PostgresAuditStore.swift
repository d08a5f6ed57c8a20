package import Auth
import Postgres

extension PostgresStore: AuditStore {
    private enum SQL {
        static let lastID = Statement("audit_last_id", "SELECT last_value FROM audit_ids")
        /// The lowest id below which nothing is still to come; null when nobody writes.
        static let floor = Statement(
            "audit_floor",
            """
            SELECT min((l.classid::bigint << 32 | l.objid::bigint) & 281474976710655) FROM pg_locks AS l
            WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 = \(PostgresLocks.auditSpace)
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """)
        static let prune = Statement(
            "audit_prune",
            """
            DELETE FROM audit WHERE id IN (
                SELECT id FROM audit WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            """)
    }

    package func append(_ entries: [AuditEntry]) async throws(StoreError) {
        guard !entries.isEmpty else { return }
        let kinds = AuditEvent.Kind.allCases.filter { kind in entries.contains { $0.event.kind == kind } }
        _ = try await batch(Self.appending(entries) + kinds.map { trimming($0) })
    }

    package func auditEntries(
        _ filter: AuditFilter, before: Int64?, limit: Int, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Page<StoredAuditEntry, Int64>> {
        let limit = max(1, min(limit, limits.page))
        return try await administer("audit", .reading, at: now, as: authority, from: origin) {
            transaction, _ throws(PostgresError) in
            let query = AuditPage(filter, .newestFirst, from: before ?? .max, to: .max).query(limit + 1)
            return .done(try Self.page(try await transaction.batch([query]).first, limit))
        }
    }

    /// Identifiers are given away before a transaction commits, so that a lower one can appear after a higher. Whoever
    /// writes holds a lock that says from where on (`audit_floor_1`): what is beyond the lowest is not told yet, for nobody
    /// would come back for what appears below. The order of the three looks matters.
    package func auditEntries(
        _ filter: AuditFilter, after: Int64, limit: Int, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Page<StoredAuditEntry, Int64>> {
        let limit = max(1, min(limit, limits.page))
        return try await administer("audit", .reading, at: now, as: authority, from: origin) {
            transaction, _ throws(PostgresError) in
            let looks = try await transaction.batch([Query(SQL.lastID, []), Query(SQL.floor, [])])
            guard looks.count == 2 else { throw .damaged("an answer is missing") }
            let last = try looks[0].first().integer(0)
            let end = min(last, try looks[1].first().optionalInteger(0) ?? last)
            let query = AuditPage(filter, .oldestFirst, from: after, to: end).query(limit + 1)
            return .done(try Self.page(try await transaction.batch([query]).first, limit))
        }
    }

    package func pruneAudit(olderThan end: UnixTime) async throws(StoreError) -> Int {
        let old = Query(SQL.prune, [.time(end), .integer(Int64(limits.pruned))])
        return try await batch([old] + AuditEvent.Kind.allCases.map { trimming($0) }).map(\.affected).reduce(0, +)
    }

    private static func page(
        _ answer: QueryResult?, _ limit: Int
    ) throws(PostgresError) -> Page<StoredAuditEntry, Int64> {
        let entries = try answer?.map { row throws(PostgresError) in try row.auditEntry() } ?? []
        let items = Array(entries.prefix(limit))
        return Page(items: items, next: entries.count > limit ? items.last?.id : nil)
    }
}

/// One page of the audit as SQL: a statement for each set of filters that an index serves. "Happened to" and "was done by"
/// a user are asked apart, for one index each.
struct AuditPage {
    enum Order {
        /// Ids below `from`.
        case newestFirst
        /// Ids above `from`, up to `to`.
        case oldestFirst
    }

    private let statement: Statement
    private let parameters: [Value]

    init(_ filter: AuditFilter, _ order: Order, from: Int64, to: Int64) {
        var parameters: [Value] = [
            .integer(from), .time(filter.since ?? UnixTime(milliseconds: .min)), .time(filter.until),
        ]
        if order == .oldestFirst { parameters.append(.integer(to)) }
        if let event = filter.event { parameters.append(.text(event.rawValue)) }
        if let user = filter.user { parameters.append(.id(user)) }
        self.parameters = parameters
        statement = AuditPage.statement(order, hasEvent: filter.event != nil, hasUser: filter.user != nil)
    }

    /// At most `limit` rows; the limit is the last parameter.
    func query(_ limit: Int) -> Query { Query(statement, parameters + [.integer(Int64(limit))]) }

    private static func statement(_ order: Order, hasEvent: Bool, hasUser: Bool) -> Statement {
        let name: StaticString =
            switch (order, hasEvent, hasUser) {
            case (.newestFirst, false, false): "audit_newest"
            case (.newestFirst, true, false): "audit_newest_event"
            case (.newestFirst, false, true): "audit_newest_user"
            case (.newestFirst, true, true): "audit_newest_event_user"
            case (.oldestFirst, false, false): "audit_oldest"
            case (.oldestFirst, true, false): "audit_oldest_event"
            case (.oldestFirst, false, true): "audit_oldest_user"
            case (.oldestFirst, true, true): "audit_oldest_event_user"
            }
        return Statement(name, text(order, hasEvent: hasEvent, hasUser: hasUser), isReadOnly: true)
    }

    private static func text(_ order: Order, hasEvent: Bool, hasUser: Bool) -> String {
        var condition = order == .newestFirst ? "id < $1" : "id > $1"
        condition += " AND at >= $2 AND ($3::bigint IS NULL OR at < $3)"
        var last = 3
        func next() -> String {
            last += 1
            return "$\(last)"
        }
        if order == .oldestFirst { condition += " AND id <= \(next())" }
        if hasEvent { condition += " AND event = \(next())" }
        let user = hasUser ? next() : ""
        let limit = next()
        let direction = order == .newestFirst ? "DESC" : "ASC"
        func page(_ condition: String) -> String {
            "SELECT \(Row.auditColumns) FROM audit WHERE \(condition) ORDER BY id \(direction) LIMIT \(limit)"
        }
        guard hasUser else { return page(condition) }
        let (owned, done) = (page("user_id = \(user) AND \(condition)"), page("actor_id = \(user) AND \(condition)"))
        return "SELECT * FROM ((\(owned)) UNION (\(done))) AS found ORDER BY id \(direction) LIMIT \(limit)"
    }
}
