import Reactor
import TestSupport
import Testing

/// What clients were told about their sessions, to hold a restarted server to it.
struct SessionLedger {
    enum Stage {
        /// The newest tokens are good.
        case live
        /// A refresh was sent and not answered: the tokens are good within the grace.
        case refreshing
        /// A logout was sent and not answered: the session may be over or not.
        case ending
        /// A logout was acknowledged.
        case ended
    }

    struct Session {
        var tokens: Tokens
        /// The token that the newest refresh was made with.
        var former: Tokens?
        var stage = Stage.live
    }

    private(set) var sessions: [Session] = []
    /// Changes acknowledged so far.
    private(set) var acknowledged = 0

    mutating func add(_ tokens: Tokens) -> Int {
        sessions.append(Session(tokens: tokens))
        acknowledged += 1
        return sessions.count - 1
    }

    mutating func enter(_ stage: Stage, _ index: Int) { sessions[index].stage = stage }

    mutating func refreshed(_ index: Int, _ tokens: Tokens) {
        if tokens.refresh != sessions[index].tokens.refresh { sessions[index].former = sessions[index].tokens }
        sessions[index].tokens = tokens
        sessions[index].stage = .live
        acknowledged += 1
    }

    mutating func ended(_ index: Int) {
        sessions[index].stage = .ended
        acknowledged += 1
    }

    /// Asks a restarted server for every session. `grace` says whether it forgives a refresh whose answer was lost; one
    /// that does not must know every acknowledged refresh, and so refuse the token that it was made with.
    mutating func check(_ client: RawClient, grace: Bool) {
        for index in sessions.indices {
            let session = sessions[index]
            switch session.stage {
            case .refreshing where !grace: break
            case .live, .refreshing:
                #expect(client.verify(session.tokens.access) == 200, "nobody is logged out")
                if !grace, let former = session.former, index % 3 == 0 {
                    #expect(client.refresh(former.refresh)?.status == 401, "an acknowledged refresh holds")
                    #expect(client.verify(session.tokens.access) == 401)
                    ended(index)
                } else if let tokens = Tokens(client.refresh(session.tokens.refresh)) {
                    refreshed(index, tokens)
                } else {
                    Issue.record("session \(index), \(session.stage), is lost")
                }
            case .ending:
                let reply = client.refresh(session.tokens.refresh)
                #expect(
                    client.verify(session.tokens.access) == reply?.status, "both know of the logout, or neither does")
                if let tokens = Tokens(reply) { refreshed(index, tokens) } else { sessions[index].stage = .ended }
            case .ended:
                #expect(client.refresh(session.tokens.refresh)?.status == 401, "an acknowledged logout holds")
                #expect(client.verify(session.tokens.access) == 401)
            }
        }
    }
}
