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
    init?(_ claims: AccessTokenClaims, keyID: String) {
        guard let user = Identifier(claims.subject), let session = Identifier(claims.sessionID),
            let token = Identifier(claims.tokenID)
        else { return nil }
        subject = RevocationSubject(
            user: user, session: session, token: token, userVersion: claims.userVersion, generation: claims.generation)
        expiresAt = claims.expiresAt
        notBefore = claims.notBefore
        self.keyID = keyID
        var roles: [UInt8] = []
        roles.reserveCapacity(claims.roles.reduce(0) { $0 + $1.utf8.count + 1 })
        for (index, role) in claims.roles.enumerated() {
            if index > 0 { roles.append(UInt8(ascii: ",")) }
            roles.append(contentsOf: role.utf8)
        }
        self.roles = roles
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
