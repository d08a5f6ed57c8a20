import Auth
import HTTP

/// `GET /.well-known/jwks.json` (RFC 7517), made once for each key ring.
struct KeysRoute: Sendable {
    let full: PreparedResponse
    let notModified: PreparedResponse
    private let etag: [UInt8]

    init(_ keys: KeyRingSnapshot) throws(InvalidFieldValue) {
        var response = Response.json(.ok, keys.jwks)
        response.headers.append("Cache-Control", constant: "public, max-age=300")
        try response.headers.append("ETag", keys.jwksETag)
        full = PreparedResponse(response)
        response.status = .notModified
        response.contentType = nil
        response.body = []
        notModified = PreparedResponse(response)
        etag = Array(keys.jwksETag.utf8)
    }

    /// 304 when the client's copy is ours (RFC 9110 section 13.1.2).
    func response(_ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer) -> PreparedResponse {
        guard let range = head.value(of: "if-none-match", in: bytes).range else { return full }
        let candidates = range.of(bytes).split(separator: UInt8(ascii: ","))
        for candidate in candidates {
            var text = UnsafeRawBufferPointer(rebasing: candidate)[...]
            while text.first == UInt8(ascii: " ") { text = text.dropFirst() }
            while text.last == UInt8(ascii: " ") { text = text.dropLast() }
            if text.starts(with: "W/".utf8) { text = text.dropFirst(2) }
            if text.elementsEqual(etag) || text.elementsEqual("*".utf8) { return notModified }
        }
        return full
    }
}
