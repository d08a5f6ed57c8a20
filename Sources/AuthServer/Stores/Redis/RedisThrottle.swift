import Auth
import Reactor
import Redis

/// The throttle that all nodes share, as one loop asks it: an attempt is one round trip, all its keys in one pipeline.
///
/// A key is decided on by itself (`GCRAScript`), so that an attempt refused by one key has been counted under the others
/// for a moment; it is taken back there without being waited for. When Redis does not answer as it should, the node decides
/// alone with its share of the limits (design section 8): the throttle is no reason to refuse a login.
final class RedisThrottle: LoginThrottle {
    private let client: RedisClient
    private let loop: EventLoop
    private let limits: ThrottleLimits
    private let script: GCRAScript
    private let node: NodeCounters
    /// Nodes with a heartbeat, the last known value.
    private let liveNodes: @Sendable () -> Int

    /// `loop` is the client's; `node` is shared by the loops of the node. With `clock` `.caller` the time that callers pass in
    /// counts everywhere.
    init(
        client: RedisClient, loop: EventLoop, limits: ThrottleLimits, liveNodes: @escaping @Sendable () -> Int,
        node: NodeCounters,
        clock: GCRAScript.Clock = .server
    ) {
        self.client = client
        self.loop = loop
        self.limits = limits
        self.liveNodes = liveNodes
        self.node = node
        script = GCRAScript(clock)
    }

    func reserve(_ keys: [ThrottleKey], at now: UnixTime) async -> ThrottleVerdict {
        // They spare the loops of a node and nothing that nodes have in common, so that a refresh asks no Redis.
        if keys.contains(where: { $0.rule.purpose == .refresh }) { return decideAlone(keys, at: now) }
        let sent = time(now)
        if let refusal = node.refusal(among: keys, at: sent) {
            return RedisThrottle.refused(by: refusal.rule, microseconds: refusal.microseconds)
        }
        let alsoHere: [ThrottleKey]
        switch node.reserveLive(keys, at: now) {
        case .refused(let rule, let wait): return .refused(by: rule, retryAfterMilliseconds: wait)
        case .reserved(let counted): alsoHere = counted
        }
        let calls = keys.map { script.reserve($0, limits[$0.rule], at: sent) }
        let outcome: Outcome
        switch await ask(calls) {
        case .success(let answers): outcome = await read(answers, keys, sent: sent)
        case .failure: outcome = .undecided
        }
        switch outcome {
        case .granted: return .reserved(ThrottleReservation(keys: keys, in: .fleet, alsoHere: alsoHere))
        case .refused(let rule, let wait):
            node.giveBack(alsoHere, at: now)
            return RedisThrottle.refused(by: rule, microseconds: wait)
        case .undecided:
            node.giveBack(alsoHere, at: now)
            return decideAlone(keys, at: now)
        }
    }

    /// What Redis makes of an attempt.
    private enum Outcome {
        case granted
        case refused(ThrottleRule, microseconds: Int64)
        case undecided
    }

    /// In a task of its own, since a client that hangs up cancels its request's: what was reserved must be known then, to be
    /// given back, and a connection to Redis must not be given up for it.
    private func ask(_ calls: [RedisScript.Call]) async -> Result<[RedisValue], RedisError> {
        await withUnsafeContinuation { continuation in
            loop.spawn { [client] in
                do throws(RedisError) {
                    continuation.resume(returning: .success(try await client.run(calls)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
    }

    func giveBack(_ reservation: ThrottleReservation, at now: UnixTime) async {
        node.giveBack(reservation, at: now)
        if reservation.place == .fleet { await giveBack(reservation.keys, at: time(now)) }
    }

    /// Without an answer in time nothing is forgotten there and it decays.
    func forget(_ keys: [ThrottleKey]) async {
        do throws(RedisError) {
            _ = try await client.pipeline(keys.map { RedisCommand([Array("DEL".utf8), GCRAScript.name($0)]) })
        } catch {}
        // Afterwards: what was refused before it must not be remembered.
        node.forget(keys)
    }

    /// Gives back what was counted unless all was.
    private func read(_ answers: [RedisValue], _ keys: [ThrottleKey], sent: Int64) async -> Outcome {
        var counted: [ThrottleKey] = []
        var refused: [(key: ThrottleKey, microseconds: Int64)] = []
        for (key, answer) in zip(keys, answers) {
            guard case .integer(let wait) = answer, wait >= 0 else { continue }
            if wait == 0 { counted.append(key) } else { refused.append((key, wait)) }
        }
        if counted.count == keys.count { return .granted }
        await giveBack(counted, at: sent)
        node.note(refused, at: sent)
        var longest: (key: ThrottleKey, microseconds: Int64)?
        for refusal in refused where refusal.microseconds > longest?.microseconds ?? 0 { longest = refusal }
        // A key that could not be asked (no memory left, a replica) changes nothing about one that refuses.
        guard let longest else { return .undecided }
        return .refused(longest.key.rule, microseconds: longest.microseconds)
    }

    private func decideAlone(_ keys: [ThrottleKey], at now: UnixTime) -> ThrottleVerdict {
        node.reserve(keys, at: now, nodes: liveNodes())
    }

    /// Not waited for and never repeated; what is lost decays.
    private func giveBack(_ keys: [ThrottleKey], at time: Int64) async {
        if keys.isEmpty { return }
        await client.post(keys.map { script.giveBack($0, limits[$0.rule], at: time) })
    }

    /// Microseconds.
    private func time(_ now: UnixTime) -> Int64 {
        switch script.clock {
        case .server: Int64(clamping: MonotonicTime.now.nanoseconds / 1000)
        case .caller: now.milliseconds * 1000
        }
    }

    private static func refused(by rule: ThrottleRule, microseconds wait: Int64) -> ThrottleVerdict {
        .refused(by: rule, retryAfterMilliseconds: (wait - 1) / 1000 + 1)
    }
}
