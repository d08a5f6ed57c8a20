import Driver
import Glibc
import HTTP

/// A connection's bytes, read as the server reads them: head, body, the next head. Read whole, in two pieces and byte by
/// byte, they mean the same. Everything a head points to lies within it, and what reads its parts takes whatever they are.
@main
enum FuzzRequestParser {
    static let limits = Limits()
    static let router = Router([
        Route([.get], "/livez", id: 0),
        Route([.get, .head], "/api/v1/auth/verify", id: 1),
        Route([.get, .post], "/api/v1/auth/verify/roles/{roles}/…", id: 2),
        Route([.delete], "/api/v1/admin/users/{id}/lock", id: 3),
    ])

    /// What one request came to.
    struct Outcome: Equatable {
        var headLength = 0
        var method = Method.get
        var target: [UInt8] = []
        var framing = BodyFraming.none
        var body: [UInt8] = []
        var length = 0
        /// With which status it was refused. Why, may depend on the pieces where a line is wrong in two ways.
        var refusal: Status?
    }

    /// Requests read from one input: more find nothing that these do not.
    private static let requestsPerInput = 16

    static func main() {
        exit(
            fuzz { input in
                var rest = input
                for _ in 0..<requestsPerInput {
                    let whole = read(rest) { _ in rest.count }
                    let cut = rest.count / 2
                    guard whole == read(rest, upTo: { $0 < cut ? cut : rest.count }) else {
                        violated("two pieces mean the same as the whole")
                    }
                    if rest.count <= 512 {
                        guard whole == read(rest, upTo: { $0 + 1 }) else {
                            violated("single bytes mean the same as the whole")
                        }
                    }
                    guard whole.refusal == nil, whole.length > 0 else { return }
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(whole.length))
                    if rest.isEmpty { return }
                }
            })
    }

    /// Feeds one request, each time as much more as `upTo` says of what was there.
    static func read(_ bytes: UnsafeRawBufferPointer, upTo next: (Int) -> Int) -> Outcome {
        var outcome = Outcome()
        var parser = RequestParser(limits: limits)
        var available = 0
        do {
            repeat {
                if available == bytes.count { return outcome }
                available = min(next(available), bytes.count)
            } while try !parser.parse(UnsafeRawBufferPointer(rebasing: bytes.prefix(available)))
            let head = parser.head
            check(head, UnsafeRawBufferPointer(rebasing: bytes.prefix(head.length)))
            outcome.headLength = head.length
            outcome.method = head.method
            outcome.target = Array(head.target.of(bytes))
            outcome.framing = head.body
            var decoder = BodyDecoder(head.body, limits: limits)
            var position = head.length
            while !decoder.isComplete {
                let piece = UnsafeRawBufferPointer(rebasing: bytes[position..<max(position, available)])
                position += try decoder.decode(piece, into: &outcome.body).consumed
                if decoder.isComplete { break }
                guard position == available else { violated("an unfinished body takes all there is") }
                if available == bytes.count { return outcome }
                available = min(next(available), bytes.count)
            }
            guard outcome.body.count <= limits.bodyBytes else { violated("a body keeps its limit") }
            outcome.length = position
        } catch {
            // What came before an error, a client never learns: how much of a body was read depends on the pieces.
            outcome.body = []
            outcome.refusal = error.status
        }
        return outcome
    }

    static func check(_ head: RequestHead, _ bytes: UnsafeRawBufferPointer) {
        guard head.length <= limits.headBytes, head.fieldCount <= limits.headerFields else {
            violated("a head keeps its limits")
        }
        guard head.target.of(bytes).count <= limits.targetBytes else { violated("a target keeps its limit") }
        var fields = 0
        head.forEachField(in: bytes) { name, value in
            fields += 1
            guard !name.of(bytes).isEmpty else { violated("no field without a name") }
            guard value.of(bytes).allSatisfy({ $0 >= 0x20 || $0 == 0x09 }) else { violated("no controls in a value") }
        }
        guard fields == head.fieldCount else { violated("every field is found again") }
        guard head.host.count <= 1 else { violated("one host") }
        _ = router.match(head.method, head.path.of(bytes))
        if let cookie = head.cookie.range { _ = CookieHeader.find("__Host-portcullis-refresh", in: cookie.of(bytes)) }
        if let query = head.query {
            do { _ = try Form(query.of(bytes)) } catch {}
        }
    }
}
