import LoadTests
import Testing

@Suite("Faults of the command line")
struct FaultTests {
    @Test(
        "What is no fault is refused in one sentence that says what is wrong",
        arguments: [
            ("20s", "has no command"), ("", "has no command"), ("20s=", "has an empty command"),
            ("20s= \t", "has an empty command"), ("=true", "is no time"), ("20=true", "is no time"),
            ("-1s=true", "is no time"), ("s=true", "is no time"), ("1e3s=true", "is no time"),
            ("1.2.3s=true", "is no time"),
            (".5s=true", "is no time"), ("infs=true", "is no time"), ("25h=true", "is no time"),
            ("99999999999999999999999s=true", "is no time"), ("٣s=true", "is no time"), ("1s:=true", "is no name"),
            ("1s:a b=true", "is no name"), ("1s:\(String(repeating: "a", count: 41))=true", "is no name"),
            ("1s=a\0b", "zero byte"),
        ])
    func refused(text: String, reason: String) {
        let error = #expect(throws: FaultError.self) { try Fault(parsing: text) }
        #expect(error?.description.contains(reason) == true)
        #expect(error?.description.hasSuffix(".") == true)
    }

    @Test("A fault has a time, maybe a name, and the rest is the command, colons and equals signs too")
    func parsed() throws {
        let plain = try Fault(parsing: "20s=A=1 run: it")
        #expect(plain.at == 20_000_000_000)
        #expect(plain.command == "A=1 run: it")
        #expect(plain.name == "A=1 run: it")
        let named = try Fault(parsing: "1.5m:redis-1=kill x=y")
        #expect(named.at == 90_000_000_000)
        #expect(named.name == "redis-1")
        #expect(named.command == "kill x=y")
        #expect(try Fault(parsing: "500ms=x").at == 500_000_000)
        #expect(try Fault(parsing: "24h=x").at == 86_400_000_000_000)
        #expect(try Fault(parsing: "0s=\(String(repeating: "x\n", count: 99))").name.count == 60)
    }

    @Test("A schedule is in the order of time, 64 at most")
    func schedule() throws {
        let faults = try Fault.schedule(["2s=b", "1s=a", "2s=c"])
        #expect(faults.map(\.command) == ["a", "b", "c"])
        #expect(throws: FaultError.self) { try Fault.schedule(Array(repeating: "1s=a", count: Fault.most + 1)) }
    }
}
