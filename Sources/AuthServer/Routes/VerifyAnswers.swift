import Auth
import HTTP
import HTTPServer

/// The 200 of a token. Written straight into the output for a token's first request, which is the only one of many; kept
/// with the token from the second on.
struct VerifyAnswers: ~Copyable {
    /// Kept with a token.
    private final class Prepared {
        let response: PreparedResponse

        init(_ response: PreparedResponse) { self.response = response }
    }

    /// Kept with a token that was answered once.
    private final class Once: Sendable {
        static let mark = Once()
    }

    private var head = OutputBuffer()
    private var body = OutputBuffer()

    mutating func write(
        _ token: AccessToken, _ exchange: Exchange, _ frame: ResponseFrame, to output: inout OutputBuffer
    ) {
        if let prepared = token.attachment as? Prepared {
            ResponseSerializer.write(
                prepared.response, to: &output, date: frame.date, requestID: exchange.requestID,
                keepAlive: frame.keepAlive, headOnly: frame.headOnly)
            return
        }
        make(token)
        head.withBytes { head in
            body.withBytes { body in
                ResponseSerializer.write(
                    block: head, body: body, to: &output, date: frame.date, requestID: exchange.requestID,
                    keepAlive: frame.keepAlive, headOnly: frame.headOnly)
                token.attachment =
                    token.attachment == nil ? Once.mark : Prepared(PreparedResponse(.ok, block: head, body: body))
            }
        }
        head.removeAll()
        body.removeAll()
    }

    /// The same away from the hot path, for an answer that is given once.
    static func response(_ token: AccessToken) throws(Refusal) -> Response {
        var answers = VerifyAnswers()
        answers.make(token)
        var response = Response.json(.ok, answers.body.withBytes { Array($0) })
        do throws(InvalidFieldValue) {
            try response.headers.append("X-Auth-Subject", token.subject.user.description)
            try response.headers.append("X-Auth-Roles", String(decoding: token.roles, as: UTF8.self))
            try response.headers.append("X-Auth-Session", token.subject.session.description)
        } catch {
            // Of a good token all three are what a field may hold.
            throw .unavailable
        }
        return response
    }

    /// Everything written here is safe in a head and in JSON: ids are hexadecimal, role names `[a-z0-9_.:-]`.
    private mutating func make(_ token: AccessToken) {
        let subject = token.subject
        body.append("{\"active\":true,\"sub\":\"")
        subject.user.withText { body.append($0) }
        body.append("\",\"roles\":[")
        writeRoles(token)
        body.append("],\"sid\":\"")
        subject.session.withText { body.append($0) }
        body.append("\",\"exp\":")
        body.append(decimal: Int(token.expiresAt))
        body.append("}")

        head.append("HTTP/1.1 200 OK\r\nX-Auth-Subject: ")
        subject.user.withText { head.append($0) }
        head.append("\r\nX-Auth-Roles: ")
        head.append(token.roles)
        head.append("\r\nX-Auth-Session: ")
        subject.session.withText { head.append($0) }
        head.append("\r\nContent-Type: application/json\r\nContent-Length: ")
        head.append(decimal: body.count)
        head.append("\r\n")
    }

    private mutating func writeRoles(_ token: AccessToken) {
        token.roles.withUnsafeBytes { roles in
            var start = 0
            while start < roles.count {
                var end = start
                while end < roles.count, roles[end] != UInt8(ascii: ",") { end += 1 }
                body.append(start == 0 ? "\"" : ",\"")
                body.append(UnsafeRawBufferPointer(rebasing: roles[start..<end]))
                body.append("\"")
                start = end + 1
            }
        }
    }
}
