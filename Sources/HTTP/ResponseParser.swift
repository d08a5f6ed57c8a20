/// Why a response was refused: the connection it came on is of no more use.
package enum ResponseError: Error, Sendable, Equatable {
    case malformed
    case tooLarge
    /// The connection ended before the response did.
    case cutShort
}

/// Reads responses: the client's side, for tests and the load harness. Interim 1xx answers are passed over. One response
/// at a time: `begin`, `receive` until it is complete (or `finish` when the connection ends), read it, begin anew.
package struct ResponseParser: Sendable {
    private enum State { case head, body, untilEnd, done }

    package private(set) var status: UInt16 = 0
    /// Content, after decoding.
    package private(set) var body: [UInt8] = []
    /// Whether another request may follow on the connection.
    package private(set) var keepAlive = true

    private let limits: Limits
    private var state = State.head
    private var answersHead = false
    private var head: [UInt8] = []
    private var decoder: BodyDecoder

    /// Of `limits`, those of head, fields, body, extensions and trailers hold.
    package init(limits: Limits) {
        self.limits = limits
        decoder = BodyDecoder(.none, limits: limits)
    }

    package var isComplete: Bool { state == .done }

    /// Gets ready for the answer to a request; `isHead`: its method was HEAD.
    package mutating func begin(isHead: Bool = false) {
        state = .head
        answersHead = isHead
        keepAlive = true
        status = 0
        head.removeAll(keepingCapacity: true)
        body.removeAll(keepingCapacity: true)
    }

    /// The first field of that name.
    package func field(_ lowercaseName: StaticString) -> String? { values(lowercaseName).first }

    /// All fields of that name, in order; none before the head is complete.
    package func values(_ lowercaseName: StaticString) -> [String] {
        guard state != .head else { return [] }
        var values: [String] = []
        head.withUnsafeBytes { bytes in
            var start = 0
            while let lineFeed = bytes.lineFeed(from: start) {
                if let line = FieldLine(bytes, start, lineFeed - 1),
                    line.name.of(bytes).equalsIgnoringCase(lowercaseName)
                {
                    values.append(String(decoding: line.value.of(bytes), as: UTF8.self))
                }
                start = lineFeed + 1
            }
        }
        return values
    }

    /// Takes bytes as they come and returns how many belonged to this response.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(ResponseError) -> Int {
        var position = 0
        while position < bytes.count && state != .done {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
            switch state {
            case .head: position += try receiveHead(rest)
            case .body:
                do throws(RequestError) {
                    let progress = try decoder.decode(rest, into: &body)
                    position += progress.consumed
                    if progress.isComplete { state = .done }
                } catch {
                    throw error.status == .contentTooLarge ? .tooLarge : .malformed
                }
            case .untilEnd:
                guard rest.count <= limits.bodyBytes - body.count else { throw .tooLarge }
                body.append(contentsOf: rest)
                position = bytes.count
            case .done: break
            }
        }
        return position
    }

    /// The connection has ended: fine only for a body that ends with it.
    package mutating func finish() throws(ResponseError) {
        guard state == .untilEnd || state == .done else { throw .cutShort }
        state = .done
    }

    /// Collects whole lines until the blank one.
    private mutating func receiveHead(_ bytes: UnsafeRawBufferPointer) throws(ResponseError) -> Int {
        var position = 0
        while position < bytes.count {
            let lineFeed = bytes.lineFeed(from: position)
            let end = lineFeed.map { $0 + 1 } ?? bytes.count
            guard end - position <= limits.headBytes - head.count else { throw .tooLarge }
            head.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
            position = end
            guard lineFeed != nil else { break }
            guard head.dropLast().last == 0x0D else { throw .malformed }
            if head.suffix(4).elementsEqual([0x0D, 0x0A, 0x0D, 0x0A]) {
                try endOfHead()
                break
            }
        }
        return position
    }

    private mutating func endOfHead() throws(ResponseError) {
        let limits = limits
        let parsed = try head.span.bytes.withUnsafeBytes { (bytes) throws(ResponseError) -> ResponseHead in
            try ResponseHead(bytes, limits: limits)
        }
        status = parsed.status
        if status / 100 == 1 && status != 101 {
            head.removeAll(keepingCapacity: true)
            return
        }
        keepAlive = parsed.keepAlive
        try chooseBody(parsed)
    }

    private mutating func chooseBody(_ parsed: ResponseHead) throws(ResponseError) {
        if answersHead || status == 101 || status == 204 || status == 304 {
            state = .done
            return
        }
        if let framing = parsed.framing {
            if case .length(let length) = framing, length > limits.bodyBytes { throw .tooLarge }
            decoder = BodyDecoder(framing, limits: limits)
            state = decoder.isComplete ? .done : .body
        } else {
            keepAlive = false
            state = .untilEnd
        }
    }
}

/// A response's head, split and checked.
private struct ResponseHead {
    var status: UInt16 = 0
    var keepAlive = true
    /// nil: the body ends with the connection (RFC 9112 section 6.3).
    var framing: BodyFraming?

    init(_ bytes: UnsafeRawBufferPointer, limits: Limits) throws(ResponseError) {
        var start = 0
        var fieldCount = 0
        var framingFields = FramingFields()
        while let lineFeed = bytes.lineFeed(from: start) {
            guard lineFeed > start, bytes[lineFeed - 1] == 0x0D else { throw .malformed }
            let end = lineFeed - 1
            if start == 0 {
                try statusLine(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
            } else if end > start {
                fieldCount += 1
                guard fieldCount <= limits.headerFields else { throw .tooLarge }
                guard let line = FieldLine(bytes, start, end) else { throw .malformed }
                try note(line, bytes, &framingFields)
            }
            start = lineFeed + 1
        }
        if framingFields.saysClose { keepAlive = false }
    }

    /// `HTTP/1.x SP 3DIGIT SP reason` (RFC 9112 section 4).
    private mutating func statusLine(_ line: UnsafeRawBufferPointer) throws(ResponseError) {
        guard line.count >= 12, UnsafeRawBufferPointer(rebasing: line[..<7]).equals("HTTP/1."), isDigit(line[7]),
            line[8] == 0x20, line[9..<12].allSatisfy(isDigit), line.count == 12 || line[12] == 0x20,
            line.allSatisfy(isFieldCharacter)
        else { throw .malformed }
        status = line[9..<12].reduce(0) { $0 * 10 + UInt16($1 - UInt8(ascii: "0")) }
        guard (100...599).contains(status) else { throw .malformed }
        keepAlive = line[7] != UInt8(ascii: "0")
    }

    private mutating func note(
        _ line: FieldLine, _ bytes: UnsafeRawBufferPointer, _ framingFields: inout FramingFields
    ) throws(ResponseError) {
        let (name, value) = (line.name.of(bytes), line.value.of(bytes))
        do throws(RequestError) {
            if name.equalsIgnoringCase("content-length") {
                try framingFields.contentLength(value)
                framing = try framingFields.body(limit: .max)
            } else if name.equalsIgnoringCase("transfer-encoding") {
                try framingFields.transferEncoding(value, version: .http11)
                framing = .chunked
            } else if name.equalsIgnoringCase("connection") {
                framingFields.connection(value)
            }
        } catch {
            throw .malformed
        }
    }
}
