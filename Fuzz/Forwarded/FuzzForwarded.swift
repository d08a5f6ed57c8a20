import Driver
import Glibc
import HTTP
import HTTPServer
import Reactor

/// What a client sends in `X-Forwarded-For` and `Forwarded`, in one line or two, before a trusted proxy appends the
/// client's address. Whatever it is, the client is who the proxy says.
@main
enum FuzzForwarded {
    private static let limits = Limits()
    private static let policies: [ClientPolicy] = ClientPolicy.Field.allCases.map { field in
        var policy = ClientPolicy()
        policy.proxies = TrustedProxies(["10.0.0.0/8", "2001:db8:ffff::/48"]) ?? .none
        policy.field = field
        return policy
    }

    static func main() {
        guard let proxy = SocketAddress("10.0.0.1:1") else { return }
        exit(
            fuzz { input in
                // A field value has no controls: the parser of heads has seen to that.
                let sent = input.prefix(4096).filter { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
                for policy in policies {
                    let appended = policy.field == .forwarded ? "for=\"192.0.2.1:7\";by=_x" : "192.0.2.1"
                    guard client(sent, appended, apart: false, proxy, policy).host == "192.0.2.1" else {
                        violated("the proxy's word counts, whatever its client sent")
                    }
                    guard client(sent, appended, apart: true, proxy, policy).host == "192.0.2.1" else {
                        violated("the proxy's word counts in a line of its own")
                    }
                    // Alone it may be anything; it is read within its bounds and comes to something.
                    let alone = client(sent, nil, apart: false, proxy, policy)
                    if alone == .none { violated("there is always somebody") }
                }
            })
    }

    private static func client(
        _ sent: [UInt8], _ appended: String?, apart: Bool, _ proxy: SocketAddress, _ policy: ClientPolicy
    ) -> SocketAddress {
        let name = policy.field == .forwarded ? "Forwarded: " : "X-Forwarded-For: "
        var head = Array("GET / HTTP/1.1\r\nHost: a\r\n\(name)".utf8) + sent
        if let appended { head += Array(((apart ? "\r\n" + name : ", ") + appended).utf8) }
        head += Array("\r\n\r\n".utf8)
        return head.withUnsafeBytes { bytes in
            var parser = RequestParser(limits: limits)
            do {
                guard try parser.parse(bytes) else { violated("the head is whole") }
            } catch {
                violated("the head is good")
            }
            return ForwardedAddress.client(of: proxy, parser.head, bytes, policy)
        }
    }
}
