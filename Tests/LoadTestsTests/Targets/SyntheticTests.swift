import HTTPServer
import LoadTests
import Reactor
import Testing

@Suite("Synthetic users and clients")
struct SyntheticTests {
    private let credentials = SyntheticCredentials(seed: 7)

    @Test("A length that passwords cannot have is taken for the nearest", arguments: [(-1, 12), (0, 12), (.max, 64)])
    func length(asked: Int, expected: Int) {
        #expect(SyntheticCredentials(seed: 1, passwordLength: asked).password(0).count == expected)
    }

    @Test("No hit rate makes a pair that is none", arguments: [-1, .nan, 0, 2, .infinity])
    func hitRates(rate: Double) {
        let none = LeakedPairs(credentials, accounts: 5..<5, hitRate: rate)
        let pairs = LeakedPairs(credentials, accounts: 5..<6, hitRate: rate)
        for index in 0..<200 as Range<UInt64> {
            #expect(none[index].account == nil)
            #expect(!none[index].isHit)
            #expect(pairs[index].isHit == (rate > 0))
        }
    }

    @Test("The same seed gives the same run, and another seed another")
    func repeated() {
        let again = SyntheticCredentials(seed: 7)
        let other = SyntheticCredentials(seed: 8)
        #expect(credentials.run == again.run)
        #expect(credentials.run != other.run)
        #expect(credentials.username(3) == "lt-\(credentials.run)-3")
        for account in 0..<100 {
            #expect(credentials.password(account) == again.password(account))
            #expect(credentials.password(account) != other.password(account))
        }
        #expect(
            LeakedPairs(credentials, accounts: 0..<9, hitRate: 0.5)[77]
                == LeakedPairs(again, accounts: 0..<9, hitRate: 0.5)[77])
    }

    @Test("Planted passwords differ but for the common ones, meet composition rules, and are no guesses")
    func passwords() {
        let planted = (0..<5_000).map(credentials.password)
        let guesses = Set((0..<5_000 as Range<UInt64>).map(credentials.guess))
        #expect(Set(planted).count == 5_000 - 100 + 100)
        #expect(guesses.count == 5_000)
        #expect(guesses.isDisjoint(with: planted))
        for password in planted + Array(guesses) {
            #expect(password.count == 20)
            let kinds: [(Character) -> Bool] = [
                { $0.isUppercase }, { $0.isLowercase }, { $0.isNumber }, { "-+=".contains($0) },
            ]
            #expect(kinds.count { password.contains(where: $0) } == 4)
        }
        let common = (0..<100).map(credentials.commonPassword)
        #expect(Set(common).count == 100)
        #expect((0..<5_000).filter(credentials.hasCommonPassword).map(credentials.password) == common)
    }

    @Test("A typo is close to the password and never the same", arguments: ["", "a", "aa", "abcdefghij"])
    func typos(password: String) {
        for index in 0..<100 as Range<UInt64> {
            let typo = credentials.typo(of: password, index)
            #expect(typo != password)
            #expect(abs(typo.count - password.count) <= 1)
        }
    }

    @Test("A leaked list hits as often as asked, and most of it is of people who are not here")
    func leaked() {
        let pairs = LeakedPairs(credentials, accounts: 100..<200, hitRate: 0.02)
        let list = (0..<20_000 as Range<UInt64>).map { pairs[$0] }
        let hits = list.filter(\.isHit)
        #expect((300...500).contains(hits.count))
        #expect((2_100...2_600).contains(list.count { $0.account != nil }))
        for pair in list {
            guard let account = pair.account else {
                #expect(pair.username.hasPrefix("lt-\(credentials.run)-x"))
                continue
            }
            #expect((100..<200).contains(account))
            #expect(pair.username == credentials.username(account))
            #expect((pair.password == credentials.password(account)) == pair.isHit)
        }
        #expect(Set(hits.map(\.account)).count > 90)
    }

    @Test("Addresses are all different, within their range, and never meet")
    func addresses() {
        let bots = ClientAddresses(.bots, seed: 7)
        let users = ClientAddresses(.users, seed: 7)
        #expect(bots.count == 65_536)
        #expect(users.count == 16_384)
        let botValues = Set((0..<bots.count).map { bots[$0].value })
        let userValues = Set((0..<users.count).map { users[$0].value })
        #expect(botValues.count == bots.count)
        #expect(userValues.count == users.count)
        #expect(botValues.allSatisfy { $0 >> 24 == 10 && (1...254).contains($0 & 255) })
        #expect(userValues.allSatisfy { $0 >> 22 == 0x6440_0000 >> 22 && (1...254).contains($0 & 255) })
        #expect(Set(botValues.map { $0 >> 8 }).count == 65_536)
        #expect(bots[-1] == bots[Int(UInt.max % 65_536)])
        #expect(bots[0] != ClientAddresses(.bots, seed: 8)[0])
    }

    @Test("Networks hold as many addresses as asked", arguments: [(-5, 1), (4, 4), (254, 254), (1_000, 254)])
    func networks(asked: Int, held: Int) {
        let bots = ClientAddresses(.bots, seed: 7, perNetwork: asked)
        let values = (0..<(held * 50)).map { bots[$0].value }
        #expect(Set(values).count == held * 50)
        #expect(Set(values.map { $0 >> 8 }).count == 50)
        #expect(values.allSatisfy { (1...254).contains($0 & 255) })
    }

    @Test("PROXY headers are read by our own server as what they say", arguments: ["127.0.0.1:8080", "[::1]:8080"])
    func proxyHeaders(destination: String) throws {
        let destination = try #require(SocketAddress(destination))
        let client = SyntheticAddress(value: 0x0A01_02FF)
        #expect(client.text == "10.1.2.255")
        for (version, mode) in [(ProxyHeader.Version.v1, ProxyProtocol.Mode.v1), (.v2, .v2)] {
            let bytes = ProxyHeader.bytes(version, client: client, port: 65_535, destination: destination)
            let expected = try #require(SocketAddress("10.1.2.255:65535"))
            let outcome = bytes.withUnsafeBytes { ProxyProtocol.parse($0, mode) }
            #expect(outcome == .header(.client(expected), length: bytes.count))
        }
    }
}
