import JSON
import Reactor
import TestSupport
import Testing

@testable import LoadTests

@Suite("Runs of loadtest", .timeLimit(.minutes(2)))
struct CommandRunTests {
    private func arguments(_ port: UInt16, _ others: String...) -> [String] {
        [
            "verify", "--profile", "bearer", "--var", "access_token=good-one", "--target",
            "http://127.0.0.1:\(port)/verify", "--rate", "100", "--duration", "1s", "--warm-up", "0", "--max-lag",
            "60s",
        ] + others
    }

    private func json(_ command: Command, _ name: String) throws -> JSONObject {
        try #require(try JSONValue(parsing: Array(command.read(name).utf8)).object)
    }

    @Test("The generator falling behind is exit code 2, and its figures are there")
    func invalid() async throws {
        try await SmallTarget.run { _, port in
            let command = try Command(
                arguments(port, "--json", "@/a.json") + ["--rate", "300000", "--max-lag", "1ms", "--timeout", "300ms"])
            let ended = await command.ended()
            #expect(ended.code == 2, "\(ended.errors)")
            #expect(try json(command, "a.json")["verify"]?.object?["count"]?.integer ?? 0 > 0)
        }
    }

    @Test("A threshold that is not met is exit code 1, and one that is met 0")
    func thresholds() async throws {
        try await SmallTarget.run { _, port in
            let missed = try await Command(arguments(port, "--max", "verify.p99=1us")).ended()
            #expect(missed.code == 1, "\(missed.errors)")
            let met = try await Command(arguments(port, "--max", "verify.p99=60s", "--min", "verify.success=1%"))
                .ended()
            #expect(met.code == 0, "\(met.errors)")
            #expect(met.output.contains("verify"))
        }
    }

    @Test("A run leaves its table on standard output, its progress on standard error, and its files")
    func files() async throws {
        try await SmallTarget.run { target, port in
            let command = try Command(arguments(port, "--json", "@/a.json", "--html", "@/a.html"))
            let ended = await command.ended()
            #expect(ended.code == 0, "\(ended.errors)")
            #expect(ended.output.contains("p99.9"))
            #expect(ended.errors.contains("verify for 1 s"))
            let verify = try #require(try json(command, "a.json")["verify"]?.object)
            #expect(verify["count"]?.integer == 100)
            #expect(verify["ok"]?.integer == 100)
            #expect(!command.read("a.html").isEmpty)
            // And one to look whether the token is good.
            #expect(target.count("/verify") == 101)
            let compared = try await Command.run(
                "compare", command.path("a.json"), command.path("a.json"), "--worse-than", "1.1")
            #expect(compared.code == 0, "\(compared.errors)")
            #expect(compared.output.contains("verify"))
        }
    }

    @Test("With --quiet a run says nothing but its table")
    func quiet() async throws {
        try await SmallTarget.run { _, port in
            let ended = try await Command(arguments(port, "--quiet")).ended()
            #expect(ended.code == 0)
            #expect(ended.errors.isEmpty)
            #expect(!ended.output.isEmpty)
        }
    }

    @Test("Ctrl-C in the middle gives the table and the files of what was seen, and exit code 130")
    func interrupted() async throws {
        try await SmallTarget.run { target, port in
            let command = try Command(
                arguments(port, "--json", "@/a.json", "--html", "@/a.html") + ["--duration", "600s"])
            await until { target.count("/verify") > 50 }
            command.interrupt()
            let ended = await command.ended()
            #expect(ended.code == 130, "\(ended.errors)")
            #expect(ended.output.contains("verify"))
            #expect(ended.errors.contains("loadtest: ending; once more to end at once\n"))
            #expect(!ended.errors.contains("loadtest: \n"))
            let file = try json(command, "a.json")
            #expect(file["run"]?.object?["interrupted"] == .bool(true))
            #expect((50..<1_000).contains(file["verify"]?.object?["count"]?.integer ?? 0))
            #expect(!command.read("a.html").isEmpty)
        }
    }

    @Test("Ctrl-C before anything was measured says so, and leaves no files")
    func interruptedEarly() async throws {
        try await SmallTarget.run { target, port in
            target.state.withLock { $0.silent = ["/verify"] }
            let command = try Command(arguments(port, "--json", "@/a.json"))
            await until { target.count("/verify") == 1 }
            command.interrupt()
            let ended = await command.ended()
            #expect(ended.code == 130)
            #expect(ended.output.isEmpty)
            #expect(ended.errors.hasSuffix("loadtest: Interrupted before anything was measured.\n"))
            #expect(command.read("a.json").isEmpty)
        }
    }

    @Test("The shipped profiles are listed, and one is described")
    func profiles() async throws {
        let listed = try await Command.run("profiles")
        #expect(listed.code == 0)
        #expect(listed.output == TargetProfile.shippedNames.map { $0 + "\n" }.joined())
        let described = try await Command.run("profiles", "bearer")
        #expect(described.code == 0)
        #expect(described.output.contains("operations: verify\n"))
        #expect(described.output.contains("--var access_token: "))
    }
}
