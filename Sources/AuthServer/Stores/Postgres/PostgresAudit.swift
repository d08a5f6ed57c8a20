import Auth
import Postgres

extension PostgresStore {
    private enum SQL {
        static let change = Statement("audit_1", "SELECT audit_1($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        static let floor = Statement("audit_floor_1", "SELECT audit_floor_1()")
        static let append = Statement(
            "audit_append",
            """
            INSERT INTO audit (id, at, event, kind, number, actor, actor_id, address, request_id, user_id, session_id,
                detail)
            VALUES (nextval('audit_ids'), $1, $2, $3, audit_number_1($3), $4, $5, $6, $7, $8, $9, $10)
            """)
        static let trim = Statement(
            "audit_trim",
            """
            DELETE FROM audit WHERE id IN (
                SELECT id FROM audit
                WHERE kind = $1 AND number <= (SELECT max(number) FROM audit WHERE kind = $1) - $2::bigint
                ORDER BY number LIMIT $3 FOR UPDATE SKIP LOCKED
            )
            """)
    }

    /// One entry of a change, in its transaction.
    static func auditing(
        _ event: AuditEvent, _ cause: Cause, user: Identifier? = nil, session: Identifier? = nil,
        detail: String? = nil
    ) -> Query {
        let (actor, actorID) = cause.actor.columns
        return Query(
            SQL.change,
            [
                .time(cause.at), .text(event.rawValue), .integer(actor), .id(actorID),
                .text(cause.origin.address?.description), .text(cause.origin.requestID), .id(user), .id(session),
                .text(detail),
            ])
    }

    /// Entries of any kind.
    static func appending(_ entries: [AuditEntry]) -> [Query] {
        [Query(SQL.floor, [])]
            + entries.map { entry in
                let (actor, actorID) = entry.actor.columns
                return Query(
                    SQL.append,
                    [
                        .time(entry.at), .text(entry.event.rawValue), .integer(entry.event.kind.rawValue),
                        .integer(actor), .id(actorID), .text(entry.origin.address?.description),
                        .text(entry.origin.requestID), .id(entry.user), .id(entry.session), .text(entry.detail),
                    ])
            }
    }

    /// Drops the oldest of a kind past its limit, a bounded number.
    func trimming(_ kind: AuditEvent.Kind) -> Query {
        Query(
            SQL.trim,
            [.integer(kind.rawValue), .integer(limits.auditEntries(kind)), .integer(Int64(limits.pruned))])
    }
}

extension Row {
    /// What `auditEntry` reads, in its order.
    static let auditColumns = "id, at, event, actor, actor_id, address, request_id, user_id, session_id, detail"

    func auditEntry() throws(PostgresError) -> StoredAuditEntry {
        guard let event = AuditEvent(rawValue: try text(2)) else { throw .damaged("an event of the audit is none") }
        guard let actor = AuditActor(kind: try integer(3), id: try optionalIdentifier(4)) else {
            throw .damaged("an actor of the audit is of no known kind")
        }
        var address: ClientAddress?
        if let text = try optionalText(5) {
            guard let parsed = ClientAddress(text) else { throw .damaged("an address of the audit is none") }
            address = parsed
        }
        let entry = AuditEntry(
            at: try time(1), event: event, actor: actor,
            origin: RequestOrigin(address: address, requestID: try optionalText(6)), user: try optionalIdentifier(7),
            session: try optionalIdentifier(8), detail: try optionalText(9))
        return StoredAuditEntry(id: try integer(0), entry: entry)
    }
}
