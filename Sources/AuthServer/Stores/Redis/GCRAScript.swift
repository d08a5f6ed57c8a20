import Auth
import Redis

/// `GCRA` inside Redis: one key, one number (its TAT in microseconds), gone when it is idle. Over one key, so that Redis
/// Cluster can work. Lua counts in doubles, in which all that comes up here is a whole number below 2^53.
struct GCRAScript: Sendable {
    /// Whose time counts.
    enum Clock: Sendable {
        /// Redis's own: the nodes' clocks do not matter.
        case server
        /// The caller's, for vectors: its microseconds are the last argument.
        case caller
    }

    let clock: Clock
    /// One for both, so that Redis has always met it when something is given back, which is asked for once and not again.
    private let script: RedisScript

    init(_ clock: Clock = .server) {
        self.clock = clock
        let now =
            switch clock {
            case .server: "local time = redis.call('TIME')\nlocal now = time[1] * 1000000 + time[2]\n"
            case .caller: "local now = tonumber(ARGV[4])\n"
            }
        script = RedisScript(now + GCRAScript.source)
    }

    /// Answers 0 and counts, or how many microseconds too early it is and counts nothing.
    func reserve(_ key: ThrottleKey, _ limit: GCRA, at now: Int64) -> RedisScript.Call {
        call("reserve", key, limit, now)
    }

    /// Answers nothing of interest.
    func giveBack(_ key: ThrottleKey, _ limit: GCRA, at now: Int64) -> RedisScript.Call {
        call("give back", key, limit, now)
    }

    /// `p:t:` and 32 hex digits. A keyed HMAC: neither names nor addresses are to be seen.
    static func name(_ key: ThrottleKey) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return Array("p:t:".utf8) + key.bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    private func call(_ verb: String, _ key: ThrottleKey, _ limit: GCRA, _ now: Int64) -> RedisScript.Call {
        var arguments = [verb, String(limit.interval), String(limit.tolerance)]
        if clock == .caller { arguments.append(String(now)) }
        return RedisScript.Call(script, key: GCRAScript.name(key), arguments: arguments.map { Array($0.utf8) })
    }

    /// The same steps as `GCRA` and `ThrottleTable`. Redis makes a text of a script's number with 17 digits, but how it does
    /// so is its own affair: we make the text.
    private static let source = """
        local interval, tolerance = tonumber(ARGV[2]), tonumber(ARGV[3])
        local function store(arrival)
          local lives = math.ceil((arrival - now) / 1000)
          redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', string.format('%.0f', lives))
        end
        local stored = tonumber(redis.call('GET', KEYS[1]) or now)
        if ARGV[1] == 'give back' then
          if stored > now + interval then store(stored - interval)
          elseif stored > now then redis.call('DEL', KEYS[1]) end
          return 0
        end
        local arrival = math.min(stored, now + tolerance + interval)
        if arrival < stored then store(arrival) end
        arrival = math.max(arrival, now)
        if now < arrival - tolerance then return arrival - tolerance - now end
        store(arrival + interval)
        return 0
        """
}
