import Auth
import HTTP

/// `GET /api/v1/admin/audit`: newest first, or with `order=asc` oldest first.
struct AuditAdminRoutes: Sendable {
    private enum Order: String {
        case ascending = "asc"
        case descending = "desc"
    }

    let store: any AdministrationStore

    func page(_ call: AdminCall) async throws(Refusal) -> Response {
        let query = try AdminQuery(
            call.request, knowing: ["event", "user", "since", "until", "order", "limit", "cursor"])
        let filter = AuditFilter(
            event: try query.value("event", "the name of an event, such as login.failed") { AuditEvent(rawValue: $0) },
            user: try query.value("user", "a UUID") { Identifier($0) }, since: try query.time("since"),
            until: try query.time("until"))
        let order = try query.value("order", "asc or desc") { Order(rawValue: $0) } ?? .descending
        let (limit, cursor): (Int, Int64?) = (try query.limit(), try query.cursor())
        let page = try await call.stored { () async throws(StoreError) in
            switch order {
            case .descending:
                try await store.auditEntries(
                    filter, before: cursor, limit: limit, at: call.now, as: call.authority, from: call.origin)
            case .ascending:
                try await store.auditEntries(
                    filter, after: cursor ?? 0, limit: limit, at: call.now, as: call.authority, from: call.origin)
            }
        }
        // Oldest first has no end: more may come, and who follows the audit asks again from there.
        let resume = order == .ascending ? Cursor.text(page.items.last?.id ?? cursor ?? 0) : nil
        return Response.page(page.items, next: page.next.map { Cursor.text($0) }, resume: resume) { entry, json in
            json.members(of: entry)
        }
    }
}
