/// The advisory locks of a database, each held until its transaction ends. Their order, for who takes several:
/// administration, keys, generation, then rows: users, sessions, revocations, attempts, audit.
enum PostgresLocks {
    /// "PCLS": the first of the two numbers of each lock below.
    static let space: Int64 = 0x50_43_4C_53
    /// The first number of the locks of names, the second is the name's hash.
    static let nameSpace: Int64 = 0x50_43_4C_54

    /// One migration at a time.
    static let migration: Int64 = 1
    /// One change by administrators at a time: the last of them cannot be taken away from two sides.
    static let administration: Int64 = 2
    /// Shared by all that opens, uses or ends sessions or writes a revocation; the end of every session takes it alone, so
    /// that nothing of the generation before is committed after it.
    static let generation: Int64 = 3
    /// One change of the key rings at a time.
    static let keys: Int64 = 4

    /// In the upper 16 bits of the single-number locks of who writes audit entries; the lower 48 are an id below all of its
    /// entries'. Shared, so nobody waits: who follows the audit reads them to know which ids are still to come.
    static let auditSpace: Int64 = 0x50_43
}
