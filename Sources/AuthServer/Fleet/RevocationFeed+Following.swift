import Auth
import Reactor
import Redis

// What others revoked, from both stores.
extension RevocationFeed {
    /// After a poll that failed the next one does not wait for the second to be over.
    private static let retryMilliseconds: Int64 = 200
    private static let longestRetryMilliseconds: Int64 = 500
    private static let nothingMilliseconds: Int64 = 50

    // MARK: The database

    /// Polls each second. One poll is over before the next begins; the store bounds how long it takes.
    func followDatabase() async {
        while !isEnding {
            let beganAt = MonotonicTime.now
            if await poll() {
                let taken = Int64(MonotonicTime.now.nanoseconds(since: beganAt) / 1_000_000)
                await pause(milliseconds: max(0, RevocationFeed.pollMilliseconds - taken))
            } else {
                await pause(milliseconds: RevocationFeed.retryMilliseconds)
            }
        }
    }

    /// False when the database did not answer. Two polls at a time do no harm: a cursor that is older than need be has
    /// known revocations read again.
    func poll() async -> Bool {
        // Before `follow` there is nobody to tell, and what is read once must be told.
        guard let listeners else { return false }
        let beganAt = MonotonicTime.now
        let poll: FleetPoll
        do throws(StoreError) {
            poll = try await polling.poll(
                as: node.id, since: cursor, nodeAddress: node.address, version: node.version)
        } catch {
            figuresTable.count(.pollFailures)
            return false
        }
        clock.measured(poll.databaseTime, beganAt, .now)
        figuresTable.count(.polls)
        if !poll.revocations.isEmpty { await listeners.apply(poll.revocations) }
        // Only now: what was not applied must be read again.
        cursor = poll.cursor
        progress.polled(beganAt: beganAt, NodeList(nodes: poll.liveNodes, readAt: poll.databaseTime))
        figuresTable.set(progress)
        confirm()
        polledKeysVersion = poll.keysVersion
        notice(keysVersion: poll.keysVersion)
        return true
    }

    /// Has the rings read anew when `version` is newer than what this node last read, one reading at a time. A version that
    /// comes meanwhile is noticed with the next poll.
    func notice(keysVersion version: Int64) {
        guard version > keysVersion ?? .min, !isReloadingKeys, let listeners else { return }
        isReloadingKeys = true
        loop.spawn { [self] in await endReloading(version, isRead: await listeners.keysMoved(version)) }
    }

    private func endReloading(_ version: Int64, isRead: Bool) {
        isReloadingKeys = false
        if isRead { keysVersion = max(version, keysVersion ?? version) }
    }

    // MARK: The stream

    func followStream(_ stream: any RevocationStream) async {
        var failures = 0
        while !isEnding {
            do throws(RedisError) {
                try await readOnce(stream)
                failures = 0
            } catch {
                isPositionDoubtful = true
                figuresTable.count(.readFailures)
                failures = min(failures + 1, 6)
                await pause(milliseconds: min(RevocationFeed.longestRetryMilliseconds, 10 << Int64(failures)))
            }
        }
    }

    private func readOnce(_ stream: any RevocationStream) async throws(RedisError) {
        guard let from = position, !isPositionDoubtful else { return try await locate(stream) }
        let askedAt = MonotonicTime.now
        let found = try await stream.read(after: from)
        // Redis waits when there is nothing. One that does not would keep the loop busy with asking.
        if found?.payloads.isEmpty ?? true, MonotonicTime.now < askedAt.adding(milliseconds: 20) {
            await pause(milliseconds: RevocationFeed.nothingMilliseconds)
        }
        guard let read = found else {
            // This node's own marks come twice a second: silence means that nothing is written, or elsewhere.
            isPositionDoubtful = true
            return
        }
        await take(read.payloads)
        position = read.position
    }

    /// Begins at the stream's end where there is no position, or one that this stream has not reached: it is another, or
    /// it was set back. What is missed so shows as a gap in its writers' numbers.
    private func locate(_ stream: any RevocationStream) async throws(RedisError) {
        let last = try await stream.last()
        position = min(position ?? last, last)
        isPositionDoubtful = false
    }

    private func take(_ payloads: [[UInt8]]) async {
        let entries = payloads.compactMap { codec.decode($0) }
        figuresTable.count(.entries, entries.count)
        figuresTable.count(.refused, payloads.count - entries.count)
        let revocations = entries.flatMap { entry -> [Revocation] in
            // Its own are applied before they are sent.
            guard entry.node != node.id, case .revocations(_, let revocations) = entry.content else { return [] }
            return revocations
        }
        if !revocations.isEmpty { await listeners?.apply(revocations) }
        let (receivedAt, fleetTime) = (MonotonicTime.now, clock.now())
        for entry in entries {
            progress.received(entry, at: receivedAt, fleetTime: fleetTime)
            let delay = fleetTime.milliseconds.subtractingReportingOverflow(entry.sentAt.milliseconds).partialValue
            switch entry.content {
            case .mark: figuresTable.count(delayMilliseconds: delay, of: .marks)
            case .revocations where entry.node != node.id:
                figuresTable.count(delayMilliseconds: delay, of: .revocations)
            case .keys(let version) where entry.node != node.id: notice(keysVersion: version)
            case .revocations, .keys, .farewell: break
            }
        }
        figuresTable.set(progress)
        confirm()
    }
}
