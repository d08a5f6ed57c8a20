import Glibc
internal import JSON

/// Reads the claims of a token in one pass, without a tree; nothing but the names of roles is copied.
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
        var roleCount = 0
        var view = AccessTokenClaimsView()
    }

    /// Room for the roles of most users at once.
    private static let usualRolesByteCount = 64
    private static let allSeen = UInt32(1) << UInt32(Claim.allCases.count) - 1

    /// Every claim must be there, once, of its type and within its bounds; claims we do not know are checked as JSON
    /// and ignored. What is returned points into `payload`.
    func read(_ payload: UnsafeRawBufferPointer) throws(TokenError) -> AccessTokenClaimsView {
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
        return draft.view
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
        case .subject: return identifier(try scanner.string(), into: &draft.view.subject)
        case .clientID: return identifier(try scanner.string(), into: &draft.view.clientID)
        case .tokenID: return identifier(try scanner.string(), into: &draft.view.tokenID)
        case .sessionID: return identifier(try scanner.string(), into: &draft.view.sessionID)
        case .issuedAt: return number(try scanner.integer(), in: TokenLimits.seconds, into: &draft.view.issuedAt)
        case .notBefore: return number(try scanner.integer(), in: TokenLimits.seconds, into: &draft.view.notBefore)
        case .expiresAt: return number(try scanner.integer(), in: TokenLimits.seconds, into: &draft.view.expiresAt)
        case .authTime: return number(try scanner.integer(), in: TokenLimits.seconds, into: &draft.view.authTime)
        case .userVersion: return number(try scanner.integer(), in: TokenLimits.epochs, into: &draft.view.userVersion)
        case .generation: return number(try scanner.integer(), in: TokenLimits.epochs, into: &draft.view.generation)
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
            let role = ClaimsReader.text(try scanner.string())
            guard draft.roleCount < TokenLimits.roles else { return false }
            let isRole = role.withBytes { name in
                guard ClaimGrammar.isRole(name) else { return false }
                if draft.roleCount == 0 {
                    draft.view.roles.reserveCapacity(ClaimsReader.usualRolesByteCount)
                } else {
                    draft.view.roles.append(UInt8(ascii: ","))
                }
                draft.view.roles.append(contentsOf: name)
                return true
            }
            guard isRole else { return false }
            draft.roleCount += 1
        }
        return true
    }

    private func identifier(_ text: JSONText, into claim: inout ClaimText) -> Bool {
        claim = ClaimsReader.text(text)
        return claim.withBytes { ClaimGrammar.isIdentifier($0) }
    }

    private static func text(_ text: JSONText) -> ClaimText {
        text.hasEscapes ? ClaimText(unescaped: text.string) : ClaimText(bytes: text.escaped)
    }

    private func number(_ value: Int64, in range: ClosedRange<Int64>, into claim: inout Int64) -> Bool {
        claim = value
        return range.contains(value)
    }
}
