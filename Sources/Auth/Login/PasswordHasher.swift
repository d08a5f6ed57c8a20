package import OpenSSL

/// Why a password was not hashed.
package enum HashingError: Error, Sendable, Equatable {
    /// The queue is full, or this job was dropped from it before it began.
    case overloaded(retryAfterMilliseconds: Int64)
    /// The hash could not be computed, or what is stored is no hash that may be computed.
    case failed
}

/// A place in the queue of the hash pool.
package struct HashAdmission: Sendable, Equatable {
    package let id: UInt64

    package init(id: UInt64) { self.id = id }
}

/// Hashes passwords on threads of its own, at low priority, behind a bounded queue.
package protocol PasswordHasher: Sendable {
    /// A place in the queue, asked for before any store, so that an overload costs no transaction. Used up by one hash or
    /// given up by `withdraw`.
    func admit() throws(HashingError) -> HashAdmission

    func withdraw(_ admission: HashAdmission)

    /// Whether `password` made `phc`. An error means that no comparison was made.
    /// With `keepsPlace` a match leaves the place with the caller, for the hash of another password.
    func isMatch(
        _ password: SecretBytes, phc: String, admission: HashAdmission, keepsPlace: Bool
    ) async throws(HashingError) -> Bool

    /// A PHC string with the current parameters.
    func hash(_ password: SecretBytes, admission: HashAdmission) async throws(HashingError) -> String
}
