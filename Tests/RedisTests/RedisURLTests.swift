import Testing

@testable import Redis

@Suite struct RedisURLTests {
    private func error(_ text: String) -> RedisURLError? {
        do throws(RedisURLError) {
            _ = try RedisURL(text)
            return nil
        } catch {
            return error
        }
    }

    @Test func `the shortest URL has everything else by default`() throws {
        let url = try RedisURL("redis://localhost")
        #expect(url.place == .host("localhost", port: 6379))
        #expect(!url.isSecure && url.user == nil && url.password == nil && url.database == 0 && url.authorities == nil)
    }

    @Test func `every part is taken`() throws {
        let url = try RedisURL("rediss://app:p%40ss%3aw@[2001:db8::7]:7000/15?ca=/etc/my%20ca.pem")
        #expect(url.place == .host("2001:db8::7", port: 7000))
        #expect(url.isSecure)
        #expect(url.user == Array("app".utf8))
        #expect(url.password == Array("p@ss:w".utf8))
        #expect(url.database == 15)
        #expect(url.authorities == "/etc/my ca.pem")
    }

    @Test func `a password needs no user`() throws {
        let url = try RedisURL("redis://:secret@redis.internal:6380/")
        #expect(url.user == nil)
        #expect(url.password == Array("secret".utf8))
        #expect(url.place == .host("redis.internal", port: 6380))
    }

    @Test func `a password may have what is no harm`() throws {
        #expect(try RedisURL("redis://u:a@b:c@h").password == Array("a@b:c".utf8))
    }

    @Test func `a Unix socket has a path, credentials and a database`() throws {
        let url = try RedisURL("unix://app:pw@/run/redis%20a/redis.sock?db=3")
        #expect(url.place == .socket(path: "/run/redis a/redis.sock"))
        #expect(url.user == Array("app".utf8))
        #expect(url.database == 3)
        #expect(try RedisURL("unix:///tmp/r").place == .socket(path: "/tmp/r"))
    }

    @Test(arguments: [
        ("", RedisURLError.scheme), ("localhost:6379", .scheme), ("http://h", .scheme), ("REDIS://h", .scheme),
        ("redis://", .host), ("redis://:6379", .host), ("redis://a b", .host), ("redis://[::1", .host),
        ("redis://[::1]6379", .host), ("redis://::1:6379", .host), ("redis://h\u{0}", .host),
        ("redis://h:0", .port), ("redis://h:65536", .port), ("redis://h:", .port), ("redis://h:+1", .port),
        ("redis://u@h", .credentials), ("redis://u:@h", .credentials), ("redis://@h", .credentials),
        ("redis://h/x", .database), ("redis://h/-1", .database), ("redis://h/65536", .database),
        ("redis://h/1/2", .database), ("redis://h/0?db=", .parameter), ("redis://h?db=x", .database),
        ("unix://host/path", .socketPath), ("unix://", .socketPath), ("unix:///", .socketPath),
        ("unix:///" + String(repeating: "x", count: 107), .socketPath),
        ("redis://:%zz@h", .escape), ("redis://:%1", .host), ("redis://:%1@h", .escape), ("redis://:%00@h", .escape),
        ("redis://h?ca=x", .parameter), ("rediss://h?ca=", .parameter), ("rediss://h?ca=x&ca=y", .parameter),
        ("redis://h/1?db=2", .parameter), ("redis://h?tls=1", .parameter), ("redis://h#x", .parameter),
        ("unix:///p?ca=x", .parameter),
    ])
    func `what is no URL of Redis is refused by what is wrong`(_ text: String, _ expected: RedisURLError) {
        #expect(error(text) == expected)
    }

    @Test func `an error and a description tell no password`() throws {
        #expect(!"\(try #require(error("redis://u:verysecret@h:0")))".contains("verysecret"))
        let configuration = try RedisConfiguration(url: "redis://user:verysecret@h:1/2")
        #expect("\(configuration)" == "redis://h:1/2")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("verysecret"))
        #expect(!dumped.contains(String("\(Array("verysecret".utf8))".dropFirst().dropLast())))
    }

    @Test func `authorities that are not there are refused`() {
        var caught: RedisURLError?
        do throws(RedisURLError) {
            _ = try RedisConfiguration(url: "rediss://h?ca=/nowhere/ca.pem")
        } catch {
            caught = error
        }
        #expect(caught == .authorities)
    }

    @Test func `who we are comes first, then the database, then a question`() throws {
        #expect(try RedisConfiguration(url: "redis://h").greeting == [RedisCommand("PING")])
        #expect(
            try RedisConfiguration(url: "redis://:p@h").greeting == [RedisCommand("AUTH", "p"), RedisCommand("PING")])
        #expect(
            try RedisConfiguration(url: "redis://u:p@h/7").greeting == [
                RedisCommand("AUTH", "u", "p"), RedisCommand("SELECT", "7"), RedisCommand("PING"),
            ])
    }
}
