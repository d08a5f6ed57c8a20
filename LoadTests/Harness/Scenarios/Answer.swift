import HTTP
package import Reactor

/// What became of one request of an operation.
package struct Answer: Sendable {
    package var end: ExchangeEnd
    /// 0 without an answer.
    package var status: UInt16 = 0
    /// Nil without an answer.
    package var verdict: Verdict?
    /// Those of the request, and what the answer gave.
    package var variables: Variables
    /// Why a success could not be used; one sentence.
    package var complaint: String?
    /// Seconds of `Retry-After`.
    package var retryAfter: Double?
    package var sent: MonotonicTime?
    package var done = MonotonicTime.now

    package var isSuccess: Bool { verdict == .success && complaint == nil }

    package var fate: Fate {
        switch end {
        case .answered: complaint != nil ? .malformed : verdict == .success ? .ok : .unexpected
        case .timedOut: .timedOut
        case .refused(let code): .refused(code)
        case .broken: .broken
        case .malformed: .malformed
        case .cutOff: .unfinished
        }
    }
}

extension Generator {
    /// Asks for `operation` as whoever has `address` (nil: the gateway, by the connections that it keeps), and calls
    /// `completion` on the loop.
    package func ask(
        _ operation: OperationTemplate, _ variables: Variables, of scene: Scene, from address: SyntheticAddress? = nil,
        intended: MonotonicTime, timeoutMilliseconds: Int64? = nil, endpoint: Int? = nil, isSingle: Bool = false,
        _ completion: @escaping (Answer) -> Void
    ) {
        let number = endpoint ?? takeEndpoint()
        let target = scene.endpoints[number]
        var variables = variables
        variables["address"] = address?.text
        let request: [UInt8]
        do throws(TemplateError) {
            request = try operation.request(
                host: target.host, basePath: scene.basePath, variables: variables, addressField: scene.carrier.field)
        } catch {
            return completion(
                Answer(end: .malformed, variables: variables, complaint: error.description))
        }
        send(
            request, intended: intended, lane: lane(scene.carrier, address, target, isSingle: isSingle),
            endpoint: number,
            timeoutMilliseconds: timeoutMilliseconds
        ) { exchange, end, parser in
            var answer = Answer(end: end, variables: variables)
            answer.sent = exchange.sent
            if let parser { answer.read(parser, operation) }
            completion(answer)
        }
    }

    /// On a connection of its own.
    func askOnce(
        _ operation: OperationTemplate, _ variables: Variables, of scene: Scene, from address: SyntheticAddress,
        intended: MonotonicTime, _ completion: @escaping (Answer) -> Void
    ) {
        ask(operation, variables, of: scene, from: address, intended: intended, isSingle: true, completion)
    }

    /// The same, for flows.
    package func ask(
        _ operation: OperationTemplate, _ variables: Variables, of scene: Scene, from address: SyntheticAddress? = nil,
        intended: MonotonicTime = .now, timeoutMilliseconds: Int64? = nil, endpoint: Int? = nil
    ) async -> Answer {
        await withUnsafeContinuation { continuation in
            ask(
                operation, variables, of: scene, from: address, intended: intended,
                timeoutMilliseconds: timeoutMilliseconds, endpoint: endpoint
            ) { continuation.resume(returning: $0) }
        }
    }

    private func lane(
        _ carrier: ClientAddressCarrier, _ address: SyntheticAddress?, _ target: Endpoint, isSingle: Bool
    ) -> Lane {
        if let preface = preface(carrier, address, target) { return .own(preface) }
        if isSingle { return .own([]) }
        return address == nil ? .gateway : .crowd
    }

    /// By PROXY protocol a connection is its client's alone.
    func preface(_ carrier: ClientAddressCarrier, _ address: SyntheticAddress?, _ target: Endpoint) -> [UInt8]? {
        guard case .proxy(let version) = carrier, let address else { return nil }
        return ProxyHeader.bytes(version, client: address, port: 40_000, destination: target.address)
    }

    /// Tells a recorder of a turn's answer, and a closed loop that its next may begin.
    func end(_ turn: Turn, _ answer: Answer, in recorder: OperationRecorder) {
        record(answer, intended: turn.intended, in: recorder)
        finished(turn, isAnswered: answer.end == .answered)
    }

    /// Tells a recorder of an answer.
    package func record(_ answer: Answer, intended: MonotonicTime, in recorder: OperationRecorder) {
        recorder.record(answer.fate, status: answer.status, intended: intended, sent: answer.sent, done: answer.done)
    }
}

extension Answer {
    fileprivate mutating func read(_ parser: ResponseParser, _ operation: OperationTemplate) {
        status = parser.status
        let verdict = operation.judge(parser)
        self.verdict = verdict
        if verdict == .success {
            do throws(CaptureError) {
                try operation.capture(from: parser, into: &variables)
            } catch {
                complaint = error.description
            }
        } else if verdict == .throttled || verdict == .unavailable {
            retryAfter = parser.field("retry-after").flatMap { UInt32($0) }.map { Double($0) }
        }
    }
}
