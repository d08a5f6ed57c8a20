import Auth
import GRDB

/// One page of the audit as SQL. What is found by an index stops at the page's end; the two questions "happened to" and
/// "was done by" a user are asked apart, for one index each.
struct AuditQuery {
    private let conditions: [String]
    private let values: [any DatabaseValueConvertible]
    private let user: Identifier?
    private let order: String

    /// `ids` compares `id` with `bound`; `order` is ASC or DESC.
    init(_ filter: AuditFilter, ids: String, bound: Int64, order: String) {
        var conditions = [ids]
        var values: [any DatabaseValueConvertible] = [bound]
        if let event = filter.event {
            conditions.append("event = ?")
            values.append(event.rawValue)
        }
        if let since = filter.since {
            conditions.append("at >= ?")
            values.append(since.milliseconds)
        }
        if let until = filter.until {
            conditions.append("at < ?")
            values.append(until.milliseconds)
        }
        self.conditions = conditions
        self.values = values
        self.user = filter.user
        self.order = order
    }

    /// At most `limit` entries, at least 1 and no more than the store's page.
    func page(_ limit: Int, _ transaction: Transaction) throws -> Page<StoredAuditEntry, Int64> {
        let limit = max(1, min(limit, transaction.limits.page))
        let (condition, arguments) = condition(limit + 1)
        let rows = try transaction.rows(
            "SELECT \(EmbeddedStore.auditColumns) FROM audit WHERE \(condition) ORDER BY id \(order) LIMIT ?",
            all: arguments + [limit + 1])
        let items = try rows.prefix(limit).map { try EmbeddedStore.auditEntry(of: $0) }
        return Page(items: items, next: rows.count > limit ? items.last?.id : nil)
    }

    private func condition(_ count: Int) -> (String, [any DatabaseValueConvertible]) {
        let common = conditions.joined(separator: " AND ")
        guard let user else { return (common, values) }
        let parts = ["user_id", "actor_id"].map { column in
            "SELECT id FROM (SELECT id FROM audit WHERE \(column) = ? AND \(common) ORDER BY id \(order) LIMIT ?)"
        }
        let arguments: [any DatabaseValueConvertible] = [user.blob] + values + [count]
        return ("id IN (\(parts.joined(separator: " UNION ")))", arguments + arguments)
    }
}
