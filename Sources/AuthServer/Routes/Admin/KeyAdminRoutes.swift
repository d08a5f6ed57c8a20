import Auth
import HTTP
import JSON

/// `/api/v1/admin/keys` and what is below it.
struct KeyAdminRoutes: Sendable {
    /// The rings that rotate when asked.
    private static let purposes: [KeyPurpose] = [.signing, .refresh, .device]

    let hub: KeyHub

    /// Every key, without its secret.
    func list(_ call: AdminCall) async throws(Refusal) -> Response {
        try call.refuseQuery()
        let result: AdminResult<[KeyDescription]>
        do throws(KeyHubError) {
            result = try await hub.keys(at: call.now, as: call.authority, from: call.origin)
        } catch {
            throw Refusal(error)
        }
        let keys = try result.value(at: call.now)
        return Response.object { $0.members(of: keys) }
    }

    /// Without `kid` the key that is active now is meant: by its id, so that of two such requests at once one rotates.
    func rotate(_ call: AdminCall) async throws(Refusal) -> Response {
        let body = try call.body()
        let purpose =
            try body.read("purpose", KeyAdminRoutes.expectation) { value in
                value.string.flatMap { KeyPurpose(rawValue: $0) }.flatMap {
                    KeyAdminRoutes.purposes.contains($0) ? $0 : nil
                }
            } ?? .signing
        let isCompromised = try body.bool("compromised") ?? false
        guard let id = try body.string("kid") ?? hub.snapshot.activeID(of: purpose) else { throw .unavailable }
        let result: AdminResult<RotatedKeys>
        do throws(KeyHubError) {
            result = try await hub.rotate(
                isCompromised ? .compromised(purpose, id: id) : .planned(purpose, active: id), at: call.now,
                as: call.authority, from: call.origin)
        } catch {
            throw Refusal(error)
        }
        if case .notFound = result {
            let missing =
                isCompromised ? "has no such key: it may have been dropped" : "has no such key that signs or did"
            throw Refusal(.notFound, "The \(purpose.rawValue) ring \(missing).")
        }
        let rotated = try result.value(at: call.now)
        return Response.object { json in
            json.key("rotated")
            json.bool(rotated.isChanged)
            json.members(of: rotated.keys)
        }
    }

    private static let expectation =
        purposes.dropLast().map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        + " or \"\(KeyPurpose.device.rawValue)\""

    /// On the control socket alone: who may change the master key file may read every key anyway.
    func reseal(_ call: AdminCall) async throws(Refusal) -> Response {
        try call.refuseQuery()
        let result: AdminResult<Int>
        do throws(KeyHubError) {
            result = try await hub.reseal(at: call.now, as: call.authority, from: call.origin)
        } catch {
            if case .keys(let reason) = error, case .sealed = reason {
                throw Refusal(.masterKeyFile, "\(reason) Nothing was changed.")
            }
            throw Refusal(error)
        }
        let count = try result.value(at: call.now)
        return Response.object { json in
            json.key("resealed")
            json.integer(count)
        }
    }
}

extension Refusal {
    init(_ error: KeyHubError) {
        switch error {
        case .masterKeyFile(let reason): self.init(.masterKeyFile, reason)
        case .keys, .notTaken, .busy: self = .unavailable
        }
    }
}

extension JSONWriter {
    /// As a page that is all there is.
    fileprivate mutating func members(of keys: [KeyDescription]) {
        key("items")
        beginArray()
        for key in keys {
            beginObject()
            member("purpose", key.purpose.rawValue)
            member("kid", key.id)
            member("alg", key.algorithm)
            member("state", key.state.rawValue)
            member("created_at", Timestamp.text(key.createdAt))
            member("changed_at", Timestamp.text(key.changedAt))
            member("earliest_rotation_at", key.earliestRotation.map { Timestamp.text($0) })
            endObject()
        }
        endArray()
        key("next")
        null()
    }
}
