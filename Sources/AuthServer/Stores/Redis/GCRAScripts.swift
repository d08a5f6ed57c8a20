import Auth
import Redis

/// `GCRA` inside Redis: one key, one number (its TAT in microseconds), gone when it is idle. Scripts over one key each, so
/// that Redis Cluster can work. Lua counts in doubles, in which all that comes up here is a whole number below 2^53.
struct GCRAScripts: Sendable {
    /// Whose time counts.
    enum Clock: Sendable {
        /// Redis's own: the nodes' clocks do not matter.
        case server
        /// The caller's, for vectors: its microseconds are the last argument.
        case caller
    }

    private let reserving: RedisScript
    private let givingBack: RedisScript
    let clock: Clock

    init(_ clock: Clock = .server) {
        self.clock = clock
        reserving = RedisScript(GCRAScripts.now(clock, argument: 3) + GCRAScripts.reserve)
        givingBack = RedisScript(GCRAScripts.now(clock, argument: 2) + GCRAScripts.giveBack)
    }

    /// Answers 0 and counts, or how many microseconds too early it is and counts nothing.
    func reserve(_ key: ThrottleKey, _ limit: GCRA, at now: Int64) -> RedisScript.Call {
        RedisScript.Call(
            reserving, key: GCRAScripts.name(key), arguments: arguments([limit.interval, limit.tolerance], now))
    }

    /// Answers nothing of interest.
    func giveBack(_ key: ThrottleKey, _ limit: GCRA, at now: Int64) -> RedisScript.Call {
        RedisScript.Call(givingBack, key: GCRAScripts.name(key), arguments: arguments([limit.interval], now))
    }

    /// `p:t:` and 32 hex digits. A keyed HMAC: neither names nor addresses are to be seen.
    static func name(_ key: ThrottleKey) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return Array("p:t:".utf8) + key.bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    private func arguments(_ numbers: [Int64], _ now: Int64) -> [[UInt8]] {
        (clock == .caller ? numbers + [now] : numbers).map { Array(String($0).utf8) }
    }

    private static func now(_ clock: Clock, argument: Int) -> String {
        switch clock {
        case .server: "local time = redis.call('TIME')\nlocal now = time[1] * 1000000 + time[2]\n"
        case .caller: "local now = tonumber(ARGV[\(argument)])\n"
        }
    }

    // The same steps as `GCRA.decide` and `ThrottleTable.giveBack`. A script's number loses digits when Redis makes a text
    // of it, a text does not.

    private static let reserve = """
        local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
        local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
        arrival = math.min(arrival, now + tolerance + interval)
        if now < arrival - tolerance then return arrival - tolerance - now end
        local after = arrival + interval
        redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', string.format('%.0f', math.ceil((after - now) / 1000)))
        return 0
        """

    private static let giveBack = """
        local after = tonumber(redis.call('GET', KEYS[1]) or now)
        if after <= now then return 0 end
        after = after - tonumber(ARGV[1])
        if after <= now then return redis.call('DEL', KEYS[1]) end
        redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', string.format('%.0f', math.ceil((after - now) / 1000)))
        return 1
        """
}
