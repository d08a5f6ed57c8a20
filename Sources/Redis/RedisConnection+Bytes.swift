import OpenSSL
import Reactor

/// The way of bytes: socket -> TLS -> reader, and back.
extension RedisConnection {
    /// Reads before others on the loop get their turn: a server that sends without end does not keep it to itself.
    private static let readsPerTurn = 16

    /// Memory that reads go to.
    final class Buffers {
        /// A TLS record and more.
        static let byteCount = 20 * 1024

        let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: Buffers.byteCount, alignment: 16)
        /// Where TLS puts what it deciphered; nil without TLS.
        let plain: UnsafeMutableRawBufferPointer?

        init(isSecure: Bool) {
            plain = isSecure ? .allocate(byteCount: Buffers.byteCount, alignment: 16) : nil
        }

        deinit {
            raw.deallocate()
            plain?.deallocate()
        }
    }

    // MARK: In

    /// Reads what is there. A short read ends it, unless the input's end was told: no other event would tell of it.
    func readInput() {
        for _ in 0..<RedisConnection.readsPerTurn {
            guard phase != .closed, let transfer = socket?.read(into: buffers.raw) else { return }
            switch transfer {
            case .bytes(let count):
                received(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffers.raw)[..<count]))
                if count < buffers.raw.count, !hasInputEnded { return }
            case .wouldBlock: return
            case .end: return end(.closedByPeer)
            case .failed(let code): return end(.broken(code))
            }
        }
        _ = loop.schedule(at: loop.now) { [self] in readInput() }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        guard let tls, let plain = buffers.plain else { return decode(bytes) }
        do throws(OpenSSLError) {
            try tls.receive(bytes)
        } catch {
            return end(.insecure(error))
        }
        if phase == .securing { shakeHands() }
        while phase != .securing, phase != .closed {
            let read: TLSClient.Read
            do throws(OpenSSLError) {
                read = try tls.read(into: plain)
            } catch {
                return end(.insecure(error))
            }
            switch read {
            case .bytes(let count): decode(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(plain)[..<count]))
            case .wantsInput: return sendSecured()
            case .end: return end(.closedByPeer)
            }
        }
    }

    private func decode(_ bytes: UnsafeRawBufferPointer) {
        do throws(MalformedReply) {
            try reader.feed(bytes)
            while phase != .closed, let reply = try reader.next() { take(reply) }
        } catch {
            end(.malformed)
        }
    }

    // MARK: Out

    func send(_ commands: [RedisCommand]) {
        guard let tls else {
            for command in commands { unsent.append(command) }
            return flush()
        }
        var plain = ByteQueue()
        for command in commands { plain.append(command) }
        do throws(OpenSSLError) {
            try plain.withBytes { bytes throws(OpenSSLError) in try tls.write(bytes) }
        } catch {
            return end(.insecure(error))
        }
        sendSecured()
    }

    /// Sends what TLS has for the peer: the handshake's words, alerts, encrypted commands.
    func sendSecured() {
        guard let tls, let plain = buffers.plain else { return }
        while tls.outputCount > 0 {
            let count = tls.takeOutput(into: plain)
            if count == 0 { break }
            unsent.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(plain)[..<count]))
        }
        flush()
    }

    /// Hands over as much as the socket takes; an event tells when it takes more.
    func flush() {
        while phase != .closed, !unsent.isEmpty {
            switch unsent.withBytes({ socket?.write($0) }) {
            case .bytes(let count): unsent.removeFirst(count)
            case .wouldBlock: return
            case .failed(let code): return end(.broken(code))
            case .end, nil: return end(.closedByPeer)
            }
        }
    }
}
