/// Every bound of one connection, in bytes unless said otherwise. Beyond one, the request is refused and the connection
/// closed.
package struct Limits: Sendable {
    /// Request line, fields and blank line together, a tolerated empty line before them included (431). Holds a token of
    /// 8 KiB and as much again of a browser's other fields.
    package var headBytes = 16 * 1024
    /// Field lines of a head, a count (431).
    package var headerFields = 64
    /// The request target (414): what common proxies send on at most.
    package var targetBytes = 8 * 1024
    /// A body after decoding (413): a login is under 2 KiB; a list of roles or revocations fits many times.
    package var bodyBytes = 64 * 1024
    /// Chunk extensions of a whole body (400): nobody sends them except to waste our time.
    package var chunkExtensionBytes = 256
    /// Trailer fields of a body (431): read and thrown away.
    package var trailerBytes = 4 * 1024

    package init() {}
}
