import Glibc
import Reactor
import Testing

@Suite struct SocketTests {
    @Test(arguments: ["127.0.0.1:8080", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:8080", "[2001:db8::7]:1"])
    func `addresses are read and written alike`(_ text: String) {
        #expect(SocketAddress(text)?.description == text)
    }

    @Test(arguments: [
        "", ":", "8080", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80",
        "[::1]",
        "[127.0.0.1]:80", "1.2.3:80", "127.0.0.1:80 ", "[::1:80",
    ])
    func `what is no address is refused`(_ text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func `loopback is told from the rest`() {
        #expect(SocketAddress("127.8.9.1:1")?.isLoopback == true)
        #expect(SocketAddress("[::1]:1")?.isLoopback == true)
        #expect(SocketAddress("128.0.0.1:1")?.isLoopback == false)
        #expect(SocketAddress("[::2]:1")?.isLoopback == false)
    }

    @Test func `a shared port is joined by our own listeners, and refused to another first one`() throws {
        let address = try #require(SocketAddress("127.0.0.1:0"))
        let first = try Socket.listen(on: address, .first)
        let local = first.localAddress()
        let bound = try #require(local)
        let second = try Socket.listen(on: bound, .joining)
        for use in [Socket.PortUse.first, .alone] {
            var code: Int32 = 0
            do throws(SystemError) { try Socket.listen(on: bound, use).close() } catch { code = error.code }
            #expect(code == EADDRINUSE)
        }
        first.close()
        second.close()
    }

    @Test func `a second listener without sharing the port is refused`() throws {
        let address = try #require(SocketAddress("127.0.0.1:0"))
        let first = try Socket.listen(on: address, .alone)
        let local = first.localAddress()
        let bound = try #require(local)
        #expect(bound.port != 0)
        var code: Int32 = 0
        do throws(SystemError) { try Socket.listen(on: bound, .alone).close() } catch { code = error.code }
        #expect(code == EADDRINUSE)
        first.close()
    }

    @Test func `a peer's end, its absence and an empty buffer are told apart`() throws {
        let (first, second) = try makeSocketPair()
        let socket = Socket(owning: first)
        let peer = Socket(owning: second)
        var bytes = [UInt8](repeating: 0, count: 16)
        var transfers = [bytes.withUnsafeMutableBytes { socket.read(into: $0) }]
        transfers.append("hello".utf8CString.withUnsafeBytes { peer.write($0) })
        transfers.append(bytes.withUnsafeMutableBytes { socket.read(into: $0) })
        peer.shutdownWriting()
        transfers.append(bytes.withUnsafeMutableBytes { socket.read(into: $0) })
        peer.close()
        transfers.append("x".utf8CString.withUnsafeBytes { socket.write($0) })
        #expect(transfers == [.wouldBlock, .bytes(6), .bytes(6), .end, .failed(EPIPE)])
        socket.close()
    }
}
