/// Accounts. Every method is one transaction and is durable when it returns (design section 6).
package protocol UserStore: Sendable {
    /// Whether any account was ever made here, also one deleted since.
    func hasEverHadUsers() async throws(StoreError) -> Bool

    /// Makes the first account of an installation. False when any account was ever made here, also one deleted since:
    /// then nothing changes. Of several parallel callers exactly one gets true.
    func createFirst(_ user: NewUser) async throws(StoreError) -> Bool

    /// Makes the account of somebody who registers. False when the name is taken; of several parallel callers with one
    /// name exactly one gets true.
    func register(_ user: NewUser, from origin: RequestOrigin) async throws(StoreError) -> Bool

    func user(_ id: Identifier) async throws(StoreError) -> User?

    /// Replaces the hash only while it still is `old` (a rehash with stronger parameters; the version stays).
    /// False when it no longer was.
    func replacePasswordHash(of id: Identifier, from old: String, to new: String) async throws(StoreError) -> Bool
}
