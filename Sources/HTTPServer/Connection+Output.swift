import HTTP
import Reactor

extension Connection {
    /// Hands the loop's output to the socket; what it does not take is kept until it is writable again.
    func flush() {
        if host.output.isEmpty { return endIfLast() }
        defer { host.output.removeAll() }
        guard state.phase != .closed else { return }
        if !unsent.isEmpty {
            host.output.withBytes { unsent.append($0) }
            return
        }
        let sent = host.output.withBytes { send($0) }
        guard let sent else { return close() }
        if sent < host.output.count {
            host.output.withBytes { unsent.append(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            state.writeBlocked(at: host.loop.now)
            armTimer()
        } else {
            endIfLast()
        }
    }

    /// The socket is writable again.
    func flushUnsent() {
        guard let sent = unsent.withBytes({ send($0) }) else { return close() }
        unsent.removeFirst(sent)
        guard unsent.isEmpty else { return }
        unsent.releaseMemory(above: 0)
        state.writeCompleted(at: host.loop.now)
        endIfLast()
        resume()
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

    /// After the last answer: sends a FIN, once, and waits for the peer's. Closing with input unread would reset the
    /// connection, and the peer would lose the answer (RFC 9112 section 9.6); so what a peer sent before its own FIN is
    /// read to the end.
    private func endIfLast() {
        guard state.phase == .lingering, !hasSentEnd else { return }
        hasSentEnd = true
        if !state.hasInputEnded { transport?.shutdownWriting() }
        state.lingeringBegan(at: host.loop.now)
        armTimer()
    }
}
