/// Reads a request's body as it comes (RFC 9112 sections 6 and 7), strictly. Plain memory; one per request.
package struct BodyDecoder: Sendable {
    package struct Progress: Sendable, Equatable {
        /// Bytes that belonged to this body; the next request begins behind them once it is complete.
        package let consumed: Int
        package let isComplete: Bool
    }

    private enum State {
        case sizeStart, size, extensions, sizeEnd
        case data, dataReturn, dataEnd
        case trailerStart, trailerName, trailerValue, trailerLineEnd, end
        case done
    }

    private let limits: Limits
    private let isChunked: Bool
    private var state: State
    /// Bytes of the body, or of the chunk, still to come.
    private var remaining = 0
    private var sizeDigits = 0
    private var received = 0
    private var extensionBytes = 0
    private var trailerBytes = 0

    package init(_ framing: BodyFraming, limits: Limits) {
        self.limits = limits
        switch framing {
        case .none:
            isChunked = false
            state = .done
        case .length(let length):
            isChunked = false
            state = length > 0 ? .data : .done
            remaining = max(0, length)
        case .chunked:
            isChunked = true
            state = .sizeStart
        }
    }

    package var isComplete: Bool { state == .done }

    /// Takes what has come since the last call and appends what belongs to the content to `body`, which so never holds
    /// more than was sent. Trailer fields are checked and dropped. After an error the connection must close.
    package mutating func decode(
        _ bytes: UnsafeRawBufferPointer, into body: inout [UInt8]
    ) throws(RequestError) -> Progress {
        var position = 0
        while position < bytes.count && state != .done {
            if state == .data {
                let count = min(remaining, bytes.count - position)
                body.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)]))
                position += count
                remaining -= count
                if remaining == 0 { state = isChunked ? .dataReturn : .done }
            } else {
                try take(bytes[position])
                position += 1
            }
        }
        return Progress(consumed: position, isComplete: state == .done)
    }

    /// One byte of what stands around the data of chunks.
    private mutating func take(_ byte: UInt8) throws(RequestError) {
        switch state {
        case .sizeStart, .size: try size(byte)
        case .extensions: try extensions(byte)
        case .sizeEnd: try lineFeed(byte, then: remaining > 0 ? .data : .trailerStart)
        case .dataReturn:
            guard byte == 0x0D else { throw .malformed("a chunk is longer than its size") }
            state = .dataEnd
        case .dataEnd: try lineFeed(byte, then: .sizeStart)
        case .trailerStart, .trailerName, .trailerValue, .trailerLineEnd: try trailer(byte)
        case .end: try lineFeed(byte, then: .done)
        case .data, .done: break
        }
    }

    private mutating func lineFeed(_ byte: UInt8, then next: State) throws(RequestError) {
        guard byte == 0x0A else { throw .malformed("a carriage return stands alone in a chunked body") }
        state = next
    }

    /// `1*HEXDIG` and nothing else: no sign, no prefix, no white space, and no more digits than any size needs.
    private mutating func size(_ byte: UInt8) throws(RequestError) {
        if let digit = hexadecimalDigit(byte) {
            if state == .sizeStart { (remaining, sizeDigits) = (0, 0) }
            state = .size
            sizeDigits += 1
            guard sizeDigits <= 16 else { throw .malformed("a chunk size is too long") }
            // Stays far below overflow: what goes on was at most the limit of a body before this digit.
            remaining = remaining * 16 + Int(digit)
            guard remaining <= limits.bodyBytes - received else {
                throw RequestError(.contentTooLarge, "the request body is too large")
            }
            return
        }
        guard state == .size else { throw .malformed("a chunk has no size") }
        switch byte {
        case 0x0D: sizeIsKnown()
        case UInt8(ascii: ";"): state = .extensions
        default: throw .malformed("a chunk size is not a hexadecimal number")
        }
    }

    private mutating func sizeIsKnown() {
        received += remaining
        state = .sizeEnd
    }

    private mutating func extensions(_ byte: UInt8) throws(RequestError) {
        if byte == 0x0D { return sizeIsKnown() }
        guard isFieldCharacter(byte) else { throw .malformed("a chunk extension holds a control character") }
        extensionBytes += 1
        guard extensionBytes <= limits.chunkExtensionBytes else { throw .malformed("chunk extensions are too long") }
    }

    private mutating func trailer(_ byte: UInt8) throws(RequestError) {
        trailerBytes += 1
        guard trailerBytes <= limits.trailerBytes else {
            throw RequestError(.requestHeaderFieldsTooLarge, "the trailer fields are too large")
        }
        switch state {
        case .trailerStart where byte == 0x0D: state = .end
        case .trailerName where byte == UInt8(ascii: ":"): state = .trailerValue
        case .trailerStart, .trailerName:
            guard isTokenCharacter(byte) else { throw .malformed("a trailer field has no valid name") }
            state = .trailerName
        case .trailerValue where byte == 0x0D: state = .trailerLineEnd
        case .trailerValue:
            guard isFieldCharacter(byte) else { throw .malformed("a trailer field holds a control character") }
        default: try lineFeed(byte, then: .trailerStart)
        }
    }
}
