import Glibc
import JWT

/// An access token that was found good, in the form a loop keeps: what each request checks and answers with. Bound to
/// the loop that verified it.
package final class AccessToken {
    /// Whose it is: what revocation is checked by.
    package let subject: RevocationSubject
    /// `exp` and `nbf`, in seconds since 1970.
    package let expiresAt: Int64
    package let notBefore: Int64
    package let keyID: String
    /// The roles in the token's order, joined by commas: the value of `X-Auth-Roles`.
    package let roles: [UInt8]
    /// What a server prepares once for this token, an answer for example. Nil until it does.
    package var attachment: AnyObject?
    /// The state of keys and revocations it was last found good under; see `TokenAuthenticator`.
    var checkedUnder: UInt64 = 0

    /// Nil when the ids are none of ours.
    init?(_ token: VerifiedTokenView) {
        let claims = token.claims
        guard let user = claims.subject.withBytes({ Identifier(utf8: $0) }),
            let session = claims.sessionID.withBytes({ Identifier(utf8: $0) }),
            let id = claims.tokenID.withBytes({ Identifier(utf8: $0) })
        else { return nil }
        subject = RevocationSubject(
            user: user, session: session, token: id, userVersion: claims.userVersion, generation: claims.generation)
        expiresAt = claims.expiresAt
        notBefore = claims.notBefore
        keyID = token.keyID
        roles = claims.roles
    }

    /// Whether the token has the role of these bytes. Role names hold no comma, so neither may `name`.
    package func hasRole(_ name: UnsafeRawBufferPointer) -> Bool {
        guard let wanted = name.baseAddress, !name.isEmpty else { return false }
        return roles.withUnsafeBytes { roles in
            guard let base = roles.baseAddress else { return false }
            var start = 0
            while start < roles.count {
                var end = start
                while end < roles.count, roles[end] != UInt8(ascii: ",") { end += 1 }
                if end - start == name.count, memcmp(base + start, wanted, name.count) == 0 { return true }
                start = end + 1
            }
            return false
        }
    }
}
