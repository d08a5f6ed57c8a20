package import Auth
import Foundation

extension EmbeddedStore: AttemptStore {
    /// The same three statements for every name and every state of an account, and always something to write: the
    /// count of reservations moves also when none is granted.
    package func reserve(_ attempt: LoginAttempt, caps: AttemptCaps) async throws(StoreError) -> LoginLookup {
        let maximum = limits.attempts
        return try await perform { transaction in
            let found = try transaction.row(
                """
                SELECT meta.attempts, users.password_hash, users.one_time_expires_at, users.one_time_is_used,
                \(Self.userColumns)
                FROM meta LEFT JOIN users ON users.username = ?
                """, attempt.username.text)
            guard let found else { throw StoreError.damaged("table meta is empty") }
            guard try found.integer(0) < maximum else { throw StoreError.unavailable }
            let isGranted = try Self.count(attempt, caps, transaction)
            let reservation = isGranted ? AttemptReservation(id: transaction.lastInsertedID) : nil
            try transaction.run(
                "UPDATE meta SET reservations = reservations + 1, attempts = attempts + ?", isGranted ? 1 : 0)
            let exists = try !found.isNull(1)
            return LoginLookup(
                user: exists ? try Self.user(of: found, first: 4) : nil,
                password: exists ? try Self.password(of: found, first: 1) : nil,
                reservation: reservation)
        }
    }

    package func giveBack(_ reservation: AttemptReservation) async throws(StoreError) {
        try await perform { transaction in
            try transaction.run("DELETE FROM attempts WHERE id = ?", reservation.id)
            try Self.uncount(transaction.changes, transaction)
        }
    }

    /// Gives back an attempt that led to a success, with every other one for the same name from its address or device.
    static func giveBackAll(with reservation: AttemptReservation, _ transaction: Transaction) throws {
        let own = try transaction.row(
            "SELECT name_key, address_key, device_key FROM attempts WHERE id = ?", reservation.id)
        guard let own else { return }
        try transaction.run(
            "DELETE FROM attempts WHERE name_key = ? AND (address_key = ? OR device_key = ?)",
            Data(try own.blob(0)), Data(try own.blob(1)), try own.optionalBlob(2).map { Data($0) })
        try uncount(transaction.changes, transaction)
    }

    /// Counts the attempt if its cap has room. One statement: nothing comes between the count and the row.
    private static func count(
        _ attempt: LoginAttempt, _ caps: AttemptCaps, _ transaction: Transaction
    ) throws -> Bool {
        let name = Data(attempt.nameKey)
        let device = attempt.deviceKey.map { Data($0) }
        try transaction.run(
            """
            INSERT INTO attempts (name_key, device_key, address_key, at)
            SELECT ?, ?, ?, ? WHERE
            (SELECT count(*) FROM attempts WHERE name_key = ? AND device_key IS ? AND at > ?) < ?
            """,
            name, device, Data(attempt.addressKey), attempt.at.milliseconds, name, device,
            attempt.at.adding(milliseconds: -caps.windowMilliseconds).milliseconds,
            device == nil ? caps.unknownDevices : caps.knownDevice)
        return transaction.changes == 1
    }

    static func uncount(_ count: Int, _ transaction: Transaction) throws {
        if count > 0 { try transaction.run("UPDATE meta SET attempts = attempts - ?", count) }
    }
}
