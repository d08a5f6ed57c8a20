internal import JSON

extension AccessTokenClaims {
    /// The payload of a token.
    func json() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.beginObject()
        for claim in Claim.allCases {
            writer.key(claim.name.description)
            switch claim {
            case .issuer: writer.string(issuer)
            case .audience: writer.string(audience)
            case .subject: writer.string(subject)
            case .clientID: writer.string(clientID)
            case .issuedAt: writer.integer(issuedAt)
            case .notBefore: writer.integer(notBefore)
            case .expiresAt: writer.integer(expiresAt)
            case .authTime: writer.integer(authTime)
            case .tokenID: writer.string(tokenID)
            case .sessionID: writer.string(sessionID)
            case .roles: writer.strings(roles)
            case .userVersion: writer.integer(userVersion)
            case .generation: writer.integer(generation)
            }
        }
        writer.endObject()
        return writer.bytes
    }

    /// Whether every claim is within the bounds that a reader holds it to.
    var isWellFormed: Bool {
        !issuer.isEmpty && !audience.isEmpty
            && [subject, tokenID, sessionID, clientID].allSatisfy { ClaimGrammar.isIdentifier($0.utf8) }
            && roles.count <= TokenLimits.roles && roles.allSatisfy { ClaimGrammar.isRole($0.utf8) }
            && [issuedAt, notBefore, expiresAt, authTime].allSatisfy(TokenLimits.seconds.contains)
            && [userVersion, generation].allSatisfy(TokenLimits.epochs.contains)
    }
}

/// What the strings in our claims may be made of.
enum ClaimGrammar {
    /// Visible ASCII (RFC 6749 appendix A without the space): such a claim can stand in a header field as it is.
    static func isIdentifier(_ bytes: some Collection<UInt8>) -> Bool {
        (1...TokenLimits.identifierBytes).contains(bytes.count) && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// `[a-z0-9][a-z0-9_.:-]{0,63}`
    static func isRole(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, bytes.count <= TokenLimits.roleBytes, isAlphanumeric(first) else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-"): true
            default: isAlphanumeric(byte)
            }
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
