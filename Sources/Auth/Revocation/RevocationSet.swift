import HashTreeCollections

/// What a check needs to know of a token.
package struct RevocationSubject: Sendable, Hashable {
    package let user: Identifier
    package let session: Identifier
    package let token: Identifier
    /// `ver`
    package let userVersion: Int64
    /// `gen`
    package let generation: Int64

    package init(user: Identifier, session: Identifier, token: Identifier, userVersion: Int64, generation: Int64) {
        self.user = user
        self.session = session
        self.token = token
        self.userVersion = userVersion
        self.generation = generation
    }
}

/// Everything verifiers must refuse, at one moment: an immutable snapshot that all loops share. A change is a new
/// snapshot, made in time logarithmic in its size because the trees share what stays.
///
/// An entry is never dropped while a token it refuses could be valid. Beyond `limit` entries the set asks for a collapse
/// (`wantedCollapse`): only the store can raise a user's version or the fleet's generation, and a version that only one
/// node believed in would refuse tokens that the others go on to issue. Until the collapse is stored and applied the set
/// grows; it cannot outgrow what the store commits in that time. A collapse kills access tokens, not sessions.
package struct RevocationSet: Sendable {
    /// Some 60 bytes each: 15 MB, two hundred logouts a second for twenty minutes, longer than a token of the standard
    /// lifetime lives.
    package static let standardLimit = 262_144

    private struct Entry: Sendable {
        let user: Identifier?
        let until: UnixTime
    }

    private struct Epoch: Sendable, Equatable {
        let minimumVersion: Int64
        let until: UnixTime
    }

    /// Counts snapshots: equal numbers of one server's sets mean equal sets, so that a check can be remembered.
    package let number: UInt64
    /// Tokens with a lower `gen` are dead; what new tokens carry.
    package let generation: Int64
    private let tokens: TreeDictionary<Identifier, Entry>
    private let sessions: TreeDictionary<Identifier, Entry>
    private let users: TreeDictionary<Identifier, Epoch>
    private let limit: Int

    /// The empty set.
    package init(limit: Int = RevocationSet.standardLimit) {
        self.init(number: 0, generation: 0, tokens: [:], sessions: [:], users: [:], limit: max(4, limit))
    }

    private init(
        number: UInt64, generation: Int64, tokens: TreeDictionary<Identifier, Entry>,
        sessions: TreeDictionary<Identifier, Entry>, users: TreeDictionary<Identifier, Epoch>, limit: Int
    ) {
        self.number = number
        self.generation = generation
        self.tokens = tokens
        self.sessions = sessions
        self.users = users
        self.limit = limit
    }

    package var count: Int { tokens.count + sessions.count + users.count }

    /// Whether any entry refuses `subject`.
    package func isRevoked(_ subject: RevocationSubject) -> Bool {
        subject.generation < generation
            || users[subject.user].map { subject.userVersion < $0.minimumVersion } ?? false
            || sessions[subject.session] != nil
            || tokens[subject.token] != nil
    }

    /// Whether applying `revocation` would change nothing.
    package func covers(_ revocation: Revocation) -> Bool {
        switch revocation {
        case .token(let id, let user, let until):
            tokens[id].map { $0.until >= until && ($0.user != nil || user == nil) } ?? false
        case .session(let id, let user, let until):
            sessions[id].map { $0.until >= until && ($0.user != nil || user == nil) } ?? false
        case .user(let id, let version, let until):
            users[id].map { $0.until >= until && $0.minimumVersion >= version } ?? false
        case .generation(let minimum): generation >= minimum
        }
    }

    /// The set with `revocations`. Idempotent, and the order in which sets of revocations are applied does not matter.
    package func applying(_ revocations: some Sequence<Revocation>) -> RevocationSet {
        var generation = generation
        var (tokens, sessions, users) = (tokens, sessions, users)
        for revocation in revocations {
            switch revocation {
            case .token(let id, let user, let until):
                let known = tokens[id]
                tokens[id] = Entry(user: known?.user ?? user, until: max(until, known?.until ?? until))
            case .session(let id, let user, let until):
                let known = sessions[id]
                sessions[id] = Entry(user: known?.user ?? user, until: max(until, known?.until ?? until))
            case .user(let id, let version, let until):
                let known = users[id]
                users[id] = Epoch(
                    minimumVersion: max(version, known?.minimumVersion ?? version),
                    until: max(until, known?.until ?? until))
            case .generation(let minimum):
                generation = max(generation, minimum)
            }
        }
        return next(generation: generation, tokens: tokens, sessions: sessions, users: users)
    }

    /// The set without what is out of force at `now`: no token that it refuses can still be valid.
    package func expired(at now: UnixTime) -> RevocationSet {
        next(
            generation: generation, tokens: tokens.filter { $0.value.until > now },
            sessions: sessions.filter { $0.value.until > now }, users: users.filter { $0.value.until > now })
    }

    private func next(
        generation: Int64, tokens: TreeDictionary<Identifier, Entry>, sessions: TreeDictionary<Identifier, Entry>,
        users: TreeDictionary<Identifier, Epoch>
    ) -> RevocationSet {
        RevocationSet(
            number: number &+ 1, generation: generation, tokens: tokens, sessions: sessions, users: users, limit: limit)
    }
}

// Making room.
extension RevocationSet {
    /// The most users one collapse raises: what one transaction of the store bears.
    private static let maximumUsersPerCollapse = 1_000

    /// What the store should be asked for when there are too many entries: the users with the most of them, or, when
    /// that makes too little room, the fleet. Nil within the limit; beyond it, this walks the whole set.
    package func wantedCollapse() -> RevocationCollapse? {
        guard count > limit else { return nil }
        var entries: [Identifier: Int] = [:]
        // Entries of nobody known go with the fleet's generation alone.
        for user in tokens.values.compactMap(\.user) { entries[user, default: 0] += 1 }
        for user in sessions.values.compactMap(\.user) { entries[user, default: 0] += 1 }
        let target = limit / 4 * 3
        var remaining = count
        var chosen: [Identifier] = []
        for (user, count) in entries.sorted(by: { ($0.value, $0.key) > ($1.value, $1.key) }) {
            guard remaining > target, count > 1, chosen.count < RevocationSet.maximumUsersPerCollapse else { break }
            // The user's epoch takes the place of its entries, unless there is one already.
            remaining -= users[user] == nil ? count - 1 : count
            chosen.append(user)
        }
        return remaining > target ? .everything : .users(chosen)
    }

    /// The set after the store carried out `collapse`, which `before` asked for, and answered `revocations`.
    ///
    /// Of this set go the entries that `before` held and the collapse covers. They were committed before the store raised
    /// anything, so every token they refuse has a lower version or generation. What was applied since `before` stays.
    package func collapsed(
        _ collapse: RevocationCollapse, of before: RevocationSet, to revocations: some Sequence<Revocation>
    ) -> RevocationSet {
        let applied = applying(revocations)
        let covered: (Identifier?) -> Bool
        switch collapse {
        case .users(let users):
            let users = Set(users)
            covered = { user in user.map { users.contains($0) } ?? false }
        case .everything: covered = { _ in true }
        }
        let users = collapse == .everything ? applied.users.filter { before.users[$0.key] != $0.value } : applied.users
        return RevocationSet(
            number: applied.number, generation: applied.generation,
            tokens: applied.tokens.filter { before.tokens[$0.key] == nil || !covered($0.value.user) },
            sessions: applied.sessions.filter { before.sessions[$0.key] == nil || !covered($0.value.user) },
            users: users, limit: limit)
    }

    /// Whether there are more entries than there should be.
    package var isOverfull: Bool { count > limit }

    /// The set after the store gave `stored`, everything in force, asked for later than `before`: for who did not ask for
    /// the collapse that others had carried out.
    ///
    /// Of this set go the entries that `before` held and the store does not: they were committed before it was asked, so
    /// it let go of them for what stands in their place, or because they are over. What was applied since `before` stays.
    package func reduced(to stored: some Sequence<Revocation>, of before: RevocationSet) -> RevocationSet {
        let stored = RevocationSet(limit: limit).applying(stored)
        let kept = RevocationSet(
            number: number &+ 1, generation: max(generation, stored.generation),
            tokens: tokens.filter { before.tokens[$0.key] == nil || stored.tokens[$0.key] != nil },
            sessions: sessions.filter { before.sessions[$0.key] == nil || stored.sessions[$0.key] != nil },
            users: users.filter { before.users[$0.key] != $0.value || stored.users[$0.key] != nil }, limit: limit)
        return kept.applying(stored.revocations)
    }

    /// All entries, as they would be stored.
    private var revocations: [Revocation] {
        tokens.map { .token($0.key, user: $0.value.user, until: $0.value.until) }
            + sessions.map { .session($0.key, user: $0.value.user, until: $0.value.until) }
            + users.map { .user($0.key, minimumVersion: $0.value.minimumVersion, until: $0.value.until) }
            + [.generation(generation)]
    }
}
