/// Why a store did not answer. None of these says anything about an account: callers answer 503 (design section 8).
package enum StoreError: Error, Sendable, Equatable {
    /// Not reachable, too busy or past its deadline; nothing was changed.
    case unavailable
    /// The change was sent and its commit is unknown: repeat only what is safe to repeat.
    case commitInDoubt
    /// What is stored cannot be what we wrote: never guessed at, never repaired silently.
    case damaged(String)
}
