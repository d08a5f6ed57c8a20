import Auth

/// SQLite and the counters of this process: all loops share both.
struct EmbeddedStorage: Storage {
    let embedded: EmbeddedStore
    private let counters: InProcessThrottle

    init(_ store: EmbeddedStore, limits: ThrottleLimits) {
        embedded = store
        counters = InProcessThrottle(limits: limits)
    }

    var store: any Stores { embedded }
    var throttle: any LoginThrottle { counters }

    func store(forLoop index: Int) -> any Stores { embedded }
    func throttle(forLoop index: Int) -> any LoginThrottle { counters }

    var canLogIn: Bool {
        let statistics = embedded.statistics
        return !statistics.hasFailed && !statistics.isWriteFailing
    }

    var isShared: Bool { false }
    /// It is asked, since what fails may be one write of many.
    var isAway: Bool { false }

    /// A balancer that follows `/readyz?for=login` sends nobody who would make a change.
    func maintain() async throws(StoreError) {
        if embedded.statistics.isWriteFailing { try await embedded.probeWriting() }
    }

    var figures: [Figure] {
        let statistics = embedded.statistics
        return [
            .counter("store_operations_total", "Store operations carried out.", statistics.operations),
            .counter("store_commits_total", "Commits; one may serve many operations.", statistics.commits),
            .counter("store_refused_total", "Store operations turned away.", statistics.refused),
            .gauge("store_waiting", "Store operations that wait.", statistics.waiting),
            .counter(
                "throttle_evictions_total", "Counters of the throttle that gave way to others.", counters.evictions),
        ]
    }

    func end() async {}

    func close() throws(StoreError) { try embedded.close() }
}
