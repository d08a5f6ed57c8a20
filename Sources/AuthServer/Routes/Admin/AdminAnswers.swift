import Auth
import HTTP
import JSON

// From results to HTTP, for every administrator's route.

extension AdminResult {
    /// The value, or the refusal that stands for everything else.
    func value(at now: UnixTime) throws(Refusal) -> Value {
        switch self {
        case .done(let value): return value
        case .notAuthorized: throw Refusal(.insufficientScope, challenge: Challenge.insufficientScope)
        case .notFound: throw Refusal(.notFound)
        case .conflict(.lastAdministrator):
            throw Refusal(.lastAdministrator, "No enabled administrator would be left.")
        case .conflict(.usernameTaken): throw Refusal(.usernameTaken)
        case .conflict(.tooEarly(let end)):
            throw Refusal(
                .tooEarly, "Possible from \(Timestamp.text(end)) on.",
                retryAfterSeconds: max(1, Int(clamping: end.seconds.subtractingReportingOverflow(now.seconds).0) + 1))
        }
    }
}

extension Refusal {
    init(_ error: AdministrationError) {
        switch error {
        case .password(let problem): self.init(.invalidBody, "password \(problem.requirement).")
        case .overloaded(let wait): self = .overloaded(milliseconds: wait)
        case .unavailable: self = .unavailable
        }
    }
}

extension Response {
    /// A JSON object that no cache may keep.
    static func object(_ status: Status = .ok, _ write: (inout JSONWriter) -> Void) -> Response {
        var json = JSONWriter()
        json.beginObject()
        write(&json)
        json.endObject()
        var response = Response.json(status, json.bytes)
        response.headers.append("Cache-Control", constant: "no-store")
        return response
    }

    /// A part of a list; `next` is null at its end.
    static func page<Item>(
        _ items: [Item], next: String?, resume: String? = nil, _ write: (Item, inout JSONWriter) -> Void
    ) -> Response {
        object { json in
            json.key("items")
            json.beginArray()
            for item in items {
                json.beginObject()
                write(item, &json)
                json.endObject()
            }
            json.endArray()
            json.member("next", next)
            if let resume { json.member("resume", resume) }
        }
    }

    static var noContent: Response {
        var response = Response(.noContent)
        response.headers.append("Cache-Control", constant: "no-store")
        return response
    }
}

extension JSONWriter {
    /// Null when there is none.
    mutating func member(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    mutating func members(of user: User) {
        member("id", user.id.description)
        member("username", user.username.text)
        key("roles")
        strings(user.roles.map(\.name))
        key("enabled")
        bool(user.isEnabled)
        key("version")
        integer(user.version)
        member("created_at", Timestamp.text(user.createdAt))
    }

    mutating func members(of session: StoredSession) {
        member("id", session.id.description)
        member("created_at", Timestamp.text(session.createdAt))
        member("last_used_at", Timestamp.text(session.lastUsedAt))
        member("expires_at", Timestamp.text(min(session.idleExpiresAt, session.absoluteExpiresAt)))
    }

    mutating func members(of stored: StoredAuditEntry) {
        let entry = stored.entry
        key("id")
        integer(stored.id)
        member("at", Timestamp.text(entry.at, milliseconds: true))
        member("event", entry.event.rawValue)
        member("actor", entry.actor.text)
        member("user", entry.user?.description)
        member("session", entry.session?.description)
        member("address", entry.origin.address?.description)
        member("request_id", entry.origin.requestID)
        member("detail", entry.detail)
    }
}

extension AuditActor {
    fileprivate var text: String {
        switch self {
        case .anonymous: "anonymous"
        case .user(let id): "user:\(id)"
        case .localOperator: "local-operator"
        case .server: "server"
        }
    }
}
