import HTTP
import Reactor

/// A request whose body is on its way.
struct BodyInProgress {
    var decoder: BodyDecoder
    var bytes: [UInt8] = []
    /// Nil when the body is thrown away, since the answer is already made.
    let request: Request?
}

extension Connection {
    /// Requests answered in one go before other connections get their turn; what is left waits for the next round.
    private static let requestsPerTurn = 16

    /// Takes in what was read. Whole requests are answered from `bytes` themselves; only what is left over is kept.
    func consume(_ bytes: UnsafeRawBufferPointer) {
        if state.phase == .lingering { return }
        if pending.isEmpty {
            let used = process(bytes)
            if used < bytes.count { pending.append(contentsOf: bytes[used...]) }
        } else {
            pending.append(contentsOf: bytes)
            consumePending()
        }
        flush()
    }

    private func consumePending() {
        // Taken out for the time of the call, so that nothing else can change it under the parser.
        var bytes: [UInt8] = []
        swap(&bytes, &pending)
        let used = bytes.withUnsafeBytes { process($0) }
        if state.phase == .closed { return }
        bytes.removeFirst(used)
        // A buffer that once held a large body is not kept for small heads.
        pending = bytes.isEmpty ? [] : bytes
    }

    /// Goes on with what is already here, after an answer is on its way.
    func resume() {
        if !pending.isEmpty, state.takesInput, !hasBacklog {
            consumePending()
            flush()
        }
        readInput()
    }

    /// Answers whole requests from the front of `bytes`, in order. Returns how many bytes are done with.
    private func process(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        var left = Connection.requestsPerTurn
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let used: Int?
            switch state.phase {
            case .header: used = takeProxyHeader(rest)
            case .idle, .head:
                if left == 0 {
                    continueNextRound()
                    return offset
                }
                left -= 1
                used = takeHead(rest)
            case .body: used = takeBody(rest)
            case .lingering, .closed: return bytes.count
            case .handling, .writing: return offset
            }
            guard let used else { return offset }
            offset += used
        }
        return offset
    }

    /// The socket is free, the requests are many: let others have the loop first.
    func continueNextRound() {
        if hasBacklog { return }
        hasBacklog = true
        _ = host.loop.schedule(at: MonotonicTime(nanoseconds: host.loop.now.nanoseconds &+ 1)) { [self] in
            assumeIsolated { connection in
                connection.hasBacklog = false
                connection.resume()
            }
        }
    }

    /// Nil when the PROXY header is not whole yet. Whose fields are believed depends on the address that it names: without
    /// one nobody knows who writes them.
    private func takeProxyHeader(_ bytes: UnsafeRawBufferPointer) -> Int? {
        switch ProxyProtocol.parse(bytes, host.clients.proxyProtocol) {
        case .incomplete: return nil
        case .malformed:
            refuseConnection()
            return bytes.count
        case .header(let source, let length):
            awaitsHeader = false
            isProxy = false
            if case .client(let address) = source {
                client = address
                isProxy = host.clients.proxies.contains(address)
            }
            state.proxyHeaderEnded(at: host.loop.now)
            return length
        }
    }

    /// Nil when the head is not whole yet.
    private func takeHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
        do throws(RequestError) {
            guard try parser.parse(bytes) else {
                state.headBegan(at: host.loop.now)
                return nil
            }
        } catch {
            isHeadOnly = parser.head.method == .head
            refuse(error)
            return bytes.count
        }
        serial &+= 1
        isHeadOnly = parser.head.method == .head
        state.headEnded(at: host.loop.now)
        answerHead(bytes)
        defer { parser.reset() }
        return parser.head.length
    }

    private func answerHead(_ bytes: UnsafeRawBufferPointer) {
        if !parser.head.keepAlive { state.closeAfterAnswer() }
        let exchange = Exchange(
            client: isProxy ? ForwardedAddress.client(of: client, parser.head, bytes, host.clients) : client,
            method: parser.head.method, firstByte: state.firstByte, requestID: requestID(bytes))
        // A length of zero is a body of which nothing is to come.
        let hasBody = parser.head.body != .none && parser.head.body != .length(0)
        let isLast = state.isLastAnswer || hasBody && !canSkipBody
        let frame = host.frame(isLast: isLast, headOnly: isHeadOnly)
        switch host.handler.begin(parser.head, bytes, exchange, frame, &host.output) {
        case .answered:
            if !hasBody {
                answered()
            } else if !canSkipBody {
                endAfterAnswer()
            } else {
                collect(parser.head.body, limit: host.limits.bodyBytes, request: nil)
            }
        case .collect(let bodyLimit, let fields):
            self.exchange = exchange
            answerFields = fields
            let request = Request(parser.head, in: bytes)
            if !hasBody {
                handle(request)
            } else {
                collect(parser.head.body, limit: bodyLimit, request: request)
            }
        }
    }

    /// The caller's own name for its request is taken from a trusted proxy alone, and only in a form that is safe
    /// everywhere.
    private func requestID(_ bytes: UnsafeRawBufferPointer) -> RequestID {
        guard isProxy, parser.head.xRequestID.count == 1, let range = parser.head.xRequestID.range,
            let requestID = RequestID(range.of(bytes))
        else { return host.nextRequestID() }
        return requestID
    }

    /// Whether a body that nobody wants is read for the sake of the next request. Not one that is too large, and not one
    /// that may or may not follow: nobody could tell the next request from it (RFC 9110 section 10.1.1).
    private var canSkipBody: Bool {
        if case .length(let length) = parser.head.body, length > host.limits.bodyBytes { return false }
        return !parser.head.expectsContinue
    }

    /// Awaits a body of at most `limit` bytes, for `request` or, without one, to throw it away.
    private func collect(_ framing: BodyFraming, limit: Int, request: Request?) {
        if case .length(let length) = framing, length > limit {
            return refuse(RequestError(.contentTooLarge, "the request body is too large"))
        }
        var limits = host.limits
        limits.bodyBytes = min(limits.bodyBytes, limit)
        body = BodyInProgress(decoder: BodyDecoder(framing, limits: limits), request: request)
        state.bodyBegan()
        if request != nil, parser.head.expectsContinue { host.output.append(ResponseSerializer.continueLine) }
    }

    /// Nil when more of the body must come.
    private func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard var progress = body.take() else { return nil }
        do throws(RequestError) {
            let step = try progress.decoder.decode(bytes, into: &progress.bytes)
            if !step.isComplete {
                if progress.request == nil { progress.bytes.removeAll(keepingCapacity: true) }
                body = progress
                return step.consumed > 0 ? step.consumed : nil
            }
            if var request = progress.request {
                request.body = progress.bytes
                handle(request)
            } else {
                answered()
            }
            return step.consumed
        } catch {
            body = progress
            endRequest(error)
            return bytes.count
        }
    }

    /// A task makes the answer; meanwhile nothing further is read.
    private func handle(_ request: Request) {
        guard let exchange else { return }
        state.handlingBegan()
        let serial = self.serial
        task = host.loop.spawn { [self] in
            let response = await host.handler.respond(to: request, exchange)
            await finish(response, serial: serial)
        }
    }

    private func finish(_ response: Response, serial: UInt64) {
        guard serial == self.serial, state.phase == .handling || state.phase == .writing, let exchange else { return }
        task = nil
        self.exchange = nil
        var response = response
        addFields(to: &response)
        if response.closesConnection { state.closeAfterAnswer() }
        host.write(response, exchange.requestID, isLast: state.isLastAnswer, headOnly: isHeadOnly)
        answered()
        flush()
        resume()
    }

    private func addFields(to response: inout Response) {
        if answerFields.isEmpty { return }
        response.headers.append(answerFields)
        answerFields = Headers()
    }

    /// An answer is in the output.
    private func answered() {
        if state.isLastAnswer { endAfterAnswer() } else { state.answered(at: host.loop.now) }
    }

    /// The request under way cannot be read or took too long. If its answer is already on its way, a second one would
    /// answer nobody.
    func endRequest(_ error: RequestError) {
        if let body, body.request == nil {
            endAfterAnswer()
            flush()
        } else {
            refuse(error)
        }
    }

    /// The connection answers by itself. It is the last answer.
    private func refuse(_ error: RequestError) {
        let exchange =
            self.exchange
            ?? Exchange(client: client, method: nil, firstByte: state.firstByte, requestID: host.nextRequestID())
        host.handler.refused(error.status, exchange)
        var response = Response.refusal(error, requestID: exchange.requestID)
        addFields(to: &response)
        host.write(response, exchange.requestID, isLast: true, headOnly: isHeadOnly)
        serial &+= 1
        endAfterAnswer()
        flush()
    }
}
