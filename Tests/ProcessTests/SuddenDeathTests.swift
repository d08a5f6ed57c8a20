import Glibc
import Reactor
import TestSupport
import Testing

extension ProcessTests {
    /// kill -9 while clients log in, refresh and log out.
    struct SuddenDeathTests {
        @Test func `kill -9 at any moment takes back no login, refresh or logout that was acknowledged`() async throws {
            let installation = try Installation()
            let ledger = Lock(SessionLedger())
            var generator = SeededGenerator(seed: 9)
            for round in 0..<10 {
                let grace = round % 2 == 0
                let server = try await installation.start(["PORTCULLIS_REFRESH_GRACE_SECONDS": grace ? "300" : "0"])
                let checker = try server.client()
                ledger.withLock { $0.check(checker, grace: grace) }
                let (former, acknowledged) = ledger.withLock { ($0.sessions.count, $0.acknowledged) }
                let target = acknowledged + Int.random(in: 1...40, using: &generator)
                async let clients: Void = onThreads(4) { index in
                    let client = try server.client()
                    if index < 3 {
                        SuddenDeathTests.logInAndOut(client, ledger)
                    } else {
                        SuddenDeathTests.refreshFormer(client, ledger, in: 0..<former, from: round)
                    }
                }
                await until { ledger.withLock { $0.acknowledged } >= target || server.child.reap() != nil }
                await server.child.killAtOnce()
                try await clients
            }
            let last = try await installation.start(["PORTCULLIS_REFRESH_GRACE_SECONDS": "300"])
            let client = try last.client()
            ledger.withLock { $0.check(client, grace: true) }
            let stages = ledger.withLock { $0.sessions.map(\.stage) }
            #expect(stages.count { $0 == .ended } > 20)
            // A user has 100 at most; beyond, the one that was idle longest would end.
            #expect((20..<100).contains(stages.count { $0 == .live }))
            await last.child.stop()
        }

        /// Each session refreshes at once, and every other logs out.
        private static func logInAndOut(_ client: RawClient, _ ledger: Lock<SessionLedger>) {
            for turn in 0... {
                let reply = client.login()
                guard let tokens = Tokens(reply) else {
                    #expect(reply == nil)
                    return
                }
                let session = ledger.withLock { $0.add(tokens) }
                guard refresh(session, client, ledger) else { return }
                if turn % 2 == 0, !logOut(session, client, ledger) { return }
            }
        }

        /// Some of the sessions of former rounds.
        private static func refreshFormer(
            _ client: RawClient, _ ledger: Lock<SessionLedger>, in range: Range<Int>, from round: Int
        ) {
            for session in range where session % 10 == round && ledger.withLock({ $0.sessions[session].stage == .live })
            {
                guard refresh(session, client, ledger) else { return }
            }
        }

        private static func refresh(_ session: Int, _ client: RawClient, _ ledger: Lock<SessionLedger>) -> Bool {
            let token = ledger.withLock { ledger in
                ledger.enter(.refreshing, session)
                return ledger.sessions[session].tokens.refresh
            }
            let reply = client.refresh(token)
            guard let tokens = Tokens(reply) else {
                #expect(reply == nil)
                return false
            }
            ledger.withLock { $0.refreshed(session, tokens) }
            return true
        }

        private static func logOut(_ session: Int, _ client: RawClient, _ ledger: Lock<SessionLedger>) -> Bool {
            let token = ledger.withLock { ledger in
                ledger.enter(.ending, session)
                return ledger.sessions[session].tokens.refresh
            }
            let status = client.logout(token)
            guard status == 204 else {
                #expect(status == nil)
                return false
            }
            ledger.withLock { $0.ended(session) }
            return true
        }
    }
}
