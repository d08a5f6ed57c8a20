package import Auth
import Postgres

extension PostgresStore: AttemptStore {
    private static let reserving = Statement("reserve_1", "SELECT * FROM reserve_1($1, $2, $3, $4, $5, $6, $7, $8)")
    private static let givingBack = Statement("give_back", "DELETE FROM attempts WHERE id = $1")

    package func reserve(_ attempt: LoginAttempt, caps: AttemptCaps) async throws(StoreError) -> LoginLookup {
        let start = attempt.at.adding(milliseconds: -caps.windowMilliseconds)
        let cap = attempt.deviceKey == nil ? caps.unknownDevices : caps.knownDevice
        let answer = try await run(
            Self.reserving, .text(attempt.username.text), .bytes(attempt.nameKey), .bytes(attempt.deviceKey),
            .bytes(attempt.addressKey), .time(attempt.at), .time(start), .integer(Int64(cap)),
            .integer(limits.attempts))
        let lookup = try read { () throws(PostgresError) -> LoginLookup? in
            let row = try answer.first()
            guard try !row.bool(0) else { return nil }
            let exists = !row.isNull(5)
            return LoginLookup(
                user: exists ? try row.user(5) : nil, password: exists ? try row.password(2) : nil,
                reservation: try row.optionalInteger(1).map { AttemptReservation(id: $0) })
        }
        guard let lookup else { throw .unavailable }
        return lookup
    }

    package func giveBack(_ reservation: AttemptReservation) async throws(StoreError) {
        _ = try await run(Self.givingBack, .integer(reservation.id))
    }
}
