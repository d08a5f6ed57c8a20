import Glibc
internal import JSON

/// Reads the claims of a token in one pass, without a tree; only strings that are handed on are copied.
struct ClaimsReader {
    let issuer: ExpectedText
    let audience: ExpectedText

    /// A string that a claim must equal, byte for byte: Swift's own comparison would take canonically equivalent text.
    struct ExpectedText {
        let string: String
        private let bytes: [UInt8]

        init(_ string: String) {
            self.string = string
            bytes = Array(string.utf8)
        }

        func matches(_ text: JSONText) -> Bool {
            if text.hasEscapes { return text.string.utf8.elementsEqual(bytes) }
            guard text.escaped.count == bytes.count, let base = text.escaped.baseAddress else { return false }
            return memcmp(base, bytes, bytes.count) == 0
        }
    }

    /// What was read so far.
    private struct Draft {
        var seen: UInt32 = 0
        var hasIssuer = false
        var hasAudience = false
        var subject = ""
        var tokenID = ""
        var sessionID = ""
        var clientID = ""
        var roles: [String] = []
        var issuedAt: Int64 = 0
        var notBefore: Int64 = 0
        var expiresAt: Int64 = 0
        var authTime: Int64 = 0
        var userVersion: Int64 = 0
        var generation: Int64 = 0
    }

    private static let allSeen = UInt32(1) << UInt32(Claim.allCases.count) - 1

    /// Every claim must be there, once, of its type and within its bounds; claims we do not know are checked as JSON
    /// and ignored.
    func read(_ payload: UnsafeRawBufferPointer) throws(TokenError) -> AccessTokenClaims {
        var draft = Draft()
        var scanner = JSONScanner(payload)
        do throws(JSONError) {
            try scanner.beginObject()
            var expected = 0
            while let name = try scanner.nextMember() {
                guard let claim = claim(named: name, expected: expected) else { continue }
                expected = claim.rawValue + 1
                guard try read(claim, from: &scanner, into: &draft) else {
                    throw JSONError(kind: .wrongType, offset: 0)
                }
                draft.seen |= 1 << UInt32(claim.rawValue)
            }
            try scanner.finish()
        } catch {
            switch error.kind {
            case .wrongType, .numberOutOfRange: throw .invalidClaims
            default: throw .malformed
            }
        }
        guard draft.seen == ClaimsReader.allSeen else { throw .invalidClaims }
        guard draft.hasIssuer else { throw .wrongIssuer }
        guard draft.hasAudience else { throw .wrongAudience }
        return AccessTokenClaims(
            issuer: issuer.string, audience: audience.string, subject: draft.subject, tokenID: draft.tokenID,
            sessionID: draft.sessionID, clientID: draft.clientID, roles: draft.roles, issuedAt: draft.issuedAt,
            notBefore: draft.notBefore, expiresAt: draft.expiresAt, authTime: draft.authTime,
            userVersion: draft.userVersion, generation: draft.generation)
    }

    private func claim(named name: JSONText, expected: Int) -> Claim? {
        if let claim = Claim(rawValue: expected), name == claim.name { return claim }
        return Claim.allCases.first { name == $0.name }
    }

    /// False when the value is out of its bounds.
    private func read(
        _ claim: Claim, from scanner: inout JSONScanner, into draft: inout Draft
    ) throws(JSONError) -> Bool {
        switch claim {
        case .issuer: draft.hasIssuer = issuer.matches(try scanner.string())
        case .audience: return try readAudience(from: &scanner, into: &draft)
        case .subject: return identifier(try scanner.string(), into: &draft.subject)
        case .clientID: return identifier(try scanner.string(), into: &draft.clientID)
        case .tokenID: return identifier(try scanner.string(), into: &draft.tokenID)
        case .sessionID: return identifier(try scanner.string(), into: &draft.sessionID)
        case .issuedAt: return number(try scanner.integer(), in: TokenLimits.seconds, into: &draft.issuedAt)
        case .notBefore: return number(try scanner.integer(), in: TokenLimits.seconds, into: &draft.notBefore)
        case .expiresAt: return number(try scanner.integer(), in: TokenLimits.seconds, into: &draft.expiresAt)
        case .authTime: return number(try scanner.integer(), in: TokenLimits.seconds, into: &draft.authTime)
        case .userVersion: return number(try scanner.integer(), in: TokenLimits.epochs, into: &draft.userVersion)
        case .generation: return number(try scanner.integer(), in: TokenLimits.epochs, into: &draft.generation)
        case .roles: return try readRoles(from: &scanner, into: &draft)
        }
        return true
    }

    /// One string or an array of strings (RFC 7519 section 4.1.3).
    private func readAudience(
        from scanner: inout JSONScanner, into draft: inout Draft
    ) throws(JSONError) -> Bool {
        if try scanner.kind() == .string {
            draft.hasAudience = audience.matches(try scanner.string())
            return true
        }
        try scanner.beginArray()
        while try scanner.nextElement() {
            if audience.matches(try scanner.string()) { draft.hasAudience = true }
        }
        return true
    }

    private func readRoles(from scanner: inout JSONScanner, into draft: inout Draft) throws(JSONError) -> Bool {
        try scanner.beginArray()
        while try scanner.nextElement() {
            let role = try scanner.string()
            guard draft.roles.count < TokenLimits.roles else { return false }
            let name = role.string
            guard ClaimGrammar.isRole(name.utf8) else { return false }
            draft.roles.append(name)
        }
        return true
    }

    private func identifier(_ text: JSONText, into claim: inout String) -> Bool {
        if !text.hasEscapes && !ClaimGrammar.isIdentifier(text.escaped) { return false }
        claim = text.string
        return !text.hasEscapes || ClaimGrammar.isIdentifier(claim.utf8)
    }

    private func number(_ value: Int64, in range: ClosedRange<Int64>, into claim: inout Int64) -> Bool {
        claim = value
        return range.contains(value)
    }
}
