import Auth
import HTTPServer
import Reactor

/// `/metrics` in Prometheus' text format, from figures that any thread may read: it works while a loop is stuck.
struct MetricsPage {
    let workers: [Worker]
    let hosts: [ConnectionHost]
    let loops: [EventLoop]
    let hashPool: HashPool
    let storage: any Storage
    let hub: RevocationHub
    let log: LogQueue?
    let audit: AuditWriter
    let clock: NodeClock
    /// Nil for a node alone.
    let fleet: FleetMember?
    private var text = ""

    init(
        workers: [Worker], hosts: [ConnectionHost], loops: [EventLoop], hashPool: HashPool, storage: any Storage,
        hub: RevocationHub, audit: AuditWriter, log: LogQueue?, clock: NodeClock, fleet: FleetMember?
    ) {
        self.workers = workers
        self.hosts = hosts
        self.loops = loops
        self.hashPool = hashPool
        self.storage = storage
        self.hub = hub
        self.log = log
        self.audit = audit
        self.clock = clock
        self.fleet = fleet
    }

    func render() -> [UInt8] {
        var page = self
        page.writeRequests()
        page.writeLatencies()
        page.writeConnections()
        page.writeLogins()
        page.writeTokens()
        page.writeStore()
        page.writeLog()
        page.writeAudit()
        return Array(page.text.utf8)
    }

    private mutating func metric(_ name: String, _ type: String, _ help: String) {
        text += "# HELP portcullis_\(name) \(help)\n# TYPE portcullis_\(name) \(type)\n"
    }

    private mutating func sample(_ name: String, _ labels: String = "", _ value: some CustomStringConvertible) {
        text += "portcullis_\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n"
    }

    private mutating func writeRequests() {
        metric("http_requests_total", "counter", "Requests by route and status.")
        for route in RouteID.allCases {
            for (position, status) in (RequestMetrics.statuses.map(String.init) + ["other"]).enumerated() {
                let count = workers.reduce(UInt64(0)) {
                    $0 + $1.metrics.requests.requestCount(route, statusPosition: position)
                }
                if count > 0 {
                    sample("http_requests_total", "route=\"\(route.template)\",status=\"\(status)\"", count)
                }
            }
        }
    }

    private mutating func writeLatencies() {
        let name = "http_request_duration_seconds"
        metric(name, "histogram", "From a request's first byte to its answer.")
        for route in RouteID.allCases {
            let requests = workers.map(\.metrics.requests)
            let label = "route=\"\(route.template)\""
            let bounds = RequestMetrics.bucketsInMicroseconds.map { "\(Double($0) / 1_000_000)" } + ["+Inf"]
            let counts = bounds.indices.map { bucket in
                requests.reduce(UInt64(0)) { $0 + $1.bucketCount(route, bucket) }
            }
            guard counts.contains(where: { $0 > 0 }) else { continue }
            var total: UInt64 = 0
            for (bound, count) in zip(bounds, counts) {
                total += count
                sample("\(name)_bucket", "\(label),le=\"\(bound)\"", total)
            }
            let nanoseconds = requests.reduce(UInt64(0)) { $0 + $1.totalNanoseconds(route) }
            sample("\(name)_sum", label, Double(nanoseconds) / 1e9)
            sample("\(name)_count", label, total)
        }
    }

    private mutating func writeConnections() {
        metric("connections_open", "gauge", "Connections open now.")
        sample("connections_open", "", hosts.reduce(0) { $0 + $1.counters.open })
        metric("connections_accepted_total", "counter", "Connections accepted.")
        sample("connections_accepted_total", "", hosts.reduce(0) { $0 + $1.counters.accepted })
        metric("accept_pauses_total", "counter", "Times accepting paused for want of descriptors or room.")
        sample("accept_pauses_total", "", hosts.reduce(0) { $0 + $1.counters.pauses })
        metric(
            "proxy_refused_total", "counter",
            "Connections closed for want of a PROXY header, or of trust in its sender.")
        sample("proxy_refused_total", "", hosts.reduce(0) { $0 + $1.counters.refusals })
        metric("loop_tasks", "gauge", "Tasks that live on a loop.")
        for loop in loops { sample("loop_tasks", "loop=\"\(loop.name)\"", loop.taskCount) }
        metric("loop_tick_age_seconds", "gauge", "Since a loop last began a round; beyond 10 it is stuck.")
        let now = MonotonicTime.now
        for loop in loops {
            let age = Double(now.nanoseconds(since: loop.lastTickTime)) / 1e9
            sample("loop_tick_age_seconds", "loop=\"\(loop.name)\"", age)
        }
    }

    private mutating func writeLogins() {
        let load = hashPool.load
        metric("login_queue_waiting", "gauge", "Password hashes that wait.")
        sample("login_queue_waiting", "", load.queued)
        metric("login_queue_running", "gauge", "Password hashes that are being computed.")
        sample("login_queue_running", "", load.running)
        metric("password_hashes_total", "counter", "Password hashes computed.")
        sample("password_hashes_total", "", hashPool.hashes)
        metric("login_queue_refused_total", "counter", "Logins refused because the queue was full.")
        sample("login_queue_refused_total", "", hashPool.refusals)
        for purpose in ThrottleRule.Purpose.allCases {
            metric("\(purpose)_throttled_total", "counter", "Requests refused by a limit of this kind.")
            for (index, rule) in ThrottleRule.allCases.enumerated() where rule.purpose == purpose {
                let count = workers.reduce(UInt64(0)) { $0 + $1.metrics.throttled[index] }
                sample("\(purpose)_throttled_total", "rule=\"\(rule)\"", count)
            }
        }
    }

    private mutating func writeTokens() {
        let figures: [(String, String, String, WorkerMetrics.Gauge)] = [
            ("token_cache_hits_total", "counter", "Access tokens answered from the cache.", .cacheHits),
            ("token_cache_misses_total", "counter", "Access tokens verified by signature.", .cacheMisses),
            ("token_cache_entries", "gauge", "Access tokens in the caches.", .cacheEntries),
            ("token_cache_evictions_total", "counter", "Access tokens that gave way to others.", .cacheEvictions),
        ]
        for (name, type, help, gauge) in figures {
            metric(name, type, help)
            sample(name, "", workers.reduce(UInt64(0)) { $0 + $1.metrics[gauge] })
        }
        let set = hub.snapshot
        metric("revocations", "gauge", "Revocations in force.")
        sample("revocations", "", set.count)
        metric("revocation_generation", "gauge", "The fleet's generation: tokens of earlier ones are dead.")
        sample("revocation_generation", "", set.generation)
    }

    private mutating func writeLog() {
        metric("log_lines_total", "counter", "Log lines written.")
        sample("log_lines_total", "", log?.written ?? 0)
        metric("log_lines_dropped_total", "counter", "Log lines lost because nobody reads, or not fast enough.")
        sample("log_lines_dropped_total", "", log?.dropped ?? 0)
    }

    private mutating func writeStore() {
        for figure in storage.figures + fleetFigures {
            metric(figure.name, figure.type.rawValue, figure.help)
            for sample in figure.samples { self.sample(figure.name + sample.suffix, sample.labels, sample.value) }
        }
    }

    private var fleetFigures: [Figure] {
        guard let fleet else { return [] }
        var figures = fleet.figures
        if let ahead = clock.millisecondsAheadOfSystem {
            figures.append(
                .gauge(
                    "clock_offset_seconds", "How far the fleet's time is ahead of the system's clock.",
                    Double(ahead) / 1000))
        }
        figures.append(
            .gauge("clock_trusted", "Whether the time is good enough to issue tokens by.", clock.isTrusted ? 1 : 0))
        return figures
    }

    private mutating func writeAudit() {
        let load = audit.load
        metric("audit_waiting", "gauge", "Entries that wait to be written to the audit.")
        sample("audit_waiting", "", load.waiting)
        metric("audit_entries_dropped_total", "counter", "Entries lost because too many waited or the store was away.")
        sample("audit_entries_dropped_total", "", load.dropped)
    }
}
