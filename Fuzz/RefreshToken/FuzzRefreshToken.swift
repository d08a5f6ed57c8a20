import Auth
import Driver
import Glibc
import JWT
import OpenSSL

/// Two readings of each input. As a token's text: what is taken is in its one spelling. As the bytes before the tag,
/// which are then tagged with the right key: taken exactly if version and key are ours, and read as they stand.
@main
enum FuzzRefreshToken {
    static let keyID: UInt64 = 0x0102_0304_0506_0708
    static let secret = Array("0123456789abcdef0123456789abcdef".utf8)
    static let taggedCount = 61

    static func main() throws {
        let root = HMACSHA256Key(SecretBytes(copying: secret.span.bytes))
        let tagKey = try root.authenticate(Array("refresh token tag".utf8))
        let tagging = HMACSHA256Key(SecretBytes(copying: tagKey.span.bytes))
        let key = try RefreshKey(id: keyID, secret: SecretBytes(copying: secret.span.bytes))
        let keys = RefreshKeys(active: key, others: [])
        let session = try SessionSecret.make(for: Identifier(high: 1, low: 2), key: key)

        func read(_ text: String) -> RefreshToken? {
            do { return try RefreshToken(text, keys: keys) } catch { return nil }
        }

        func behindTheTag(_ tagged: [UInt8]) throws {
            let text = String(decoding: Base64URL.encode(tagged + (try tagging.authenticate(tagged))), as: UTF8.self)
            guard let token = read(text) else {
                if tagged[0] == 1 && number(tagged[1..<9]) == keyID { violated("a well tagged token is taken") }
                return
            }
            guard tagged[0] == 1, number(tagged[1..<9]) == keyID else { violated("version and key are ours") }
            guard token.sessionID == Identifier(bytes: Array(tagged[9..<25])) else {
                violated("the session as it stands")
            }
            guard UInt64(token.counter) == number(tagged[25..<29]) else { violated("the counter as it stands") }
            if try token.isProved(by: session) { violated("nothing is proved without the session's secret") }
        }

        exit(
            fuzz { input in
                let text = String(decoding: input, as: UTF8.self)
                if read(text) != nil {
                    let spelled = Base64URL.decode(Array(input)).map(Base64URL.encode)
                    guard spelled == Array(input) else { violated("a token has one spelling") }
                }
                guard input.count >= taggedCount else { return }
                do { try behindTheTag(Array(input.prefix(taggedCount))) } catch { violated("a tag can be made") }
            })
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
