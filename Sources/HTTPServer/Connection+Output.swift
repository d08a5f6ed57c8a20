import HTTP
import Reactor

extension Connection {
    /// Hands the loop's output to the socket; what it does not take is kept until it is writable again.
    func flush() {
        if host.output.count == 0 { return }
        defer { host.output.removeAll() }
        guard state.phase != .closed else { return }
        if !unsent.isEmpty {
            host.output.withBytes { unsent.append(contentsOf: $0) }
            return
        }
        let sent = host.output.withBytes { send($0) }
        guard let sent else { return close() }
        if sent < host.output.count {
            host.output.withBytes { unsent.append(contentsOf: $0[sent...]) }
            state.writeBlocked(at: host.loop.now)
            armTimer()
        } else {
            sentAll()
        }
    }

    /// The socket is writable again.
    func flushUnsent() {
        guard let sent = unsent.withUnsafeBytes({ send($0) }) else { return close() }
        unsent.removeFirst(sent)
        guard unsent.isEmpty else { return }
        unsent = []
        state.writeCompleted(at: host.loop.now)
        sentAll()
        if state.phase != .closed { resume() }
    }

    /// Nil when the peer is gone.
    private func send(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var sent = 0
        while sent < bytes.count {
            switch transport?.write(UnsafeRawBufferPointer(rebasing: bytes[sent...])) {
            case .bytes(let count): sent += count
            case .wouldBlock: return sent
            case .end, .failed, nil: return nil
            }
        }
        return sent
    }

    /// The answer in the output is the last: nothing further is taken from the peer.
    func endAfterAnswer() {
        state.closeAfterAnswer()
        pending = []
        body = nil
        exchange = nil
        state.lingeringBegan(at: host.loop.now)
    }

    /// Sends a FIN after the last answer and waits for the peer's: closing at once could reset the connection, and the
    /// peer would lose the answer (RFC 9112 section 9.6).
    private func sentAll() {
        guard state.phase == .lingering else { return }
        if state.hasInputEnded { return close() }
        transport?.shutdownWriting()
        state.lingeringBegan(at: host.loop.now)
        armTimer()
    }
}
