import Foundation
import TestSupport
import Testing

@testable import LoadTests

/// Where nobody listens: nothing may get so far.
private let nowhere = "http://127.0.0.1:1"

@Suite("Wrong command lines of loadtest", .timeLimit(.minutes(2)))
struct CommandRefusalTests {
    private func expect(
        _ code: Int32, _ ended: Command.Ended, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(ended.code == code, "\(ended.errors)", sourceLocation: sourceLocation)
        #expect(ended.output.isEmpty, sourceLocation: sourceLocation)
        #expect(ended.errors.hasPrefix("loadtest: "), sourceLocation: sourceLocation)
        #expect(ended.errors.hasSuffix(".\n"), "\(ended.errors)", sourceLocation: sourceLocation)
        #expect(ended.errors.split(separator: "\n").count == 1, "\(ended.errors)", sourceLocation: sourceLocation)
    }

    @Test("What is wrong with the words is one sentence and exit code 64, and nothing goes out")
    func words() async throws {
        let bearer = ["--profile", "bearer", "--var", "access_token=x", "--target", nowhere]
        let wrong: [[String]] = [
            [], ["--target", nowhere], ["veriphy"] + bearer, ["verify", "verify"] + bearer, ["verify"],
            ["verify", "--profile", "bearer", "--var", "access_token=x"],
            ["verify", "--profile", "bearer", "--var", "access_token=x", "--target", "127.0.0.1:1"],
            ["verify", "--profile", "bearer", "--var", "access_token=x", "--target", "ftp://127.0.0.1"],
            ["verify", "--target", nowhere + "/a"] + bearer, ["verify", "--client-address", "carrier-pigeon"] + bearer,
            ["verify", "--var", "nobody=asked"] + bearer, ["verify", "--var-file", "access_token=@/none"] + bearer,
            ["verify", "--metrics", "https://127.0.0.1:1"] + bearer, ["verify", "--consent-token", "short"] + bearer,
            ["verify", "--fault", "kill redis"] + bearer,
        ]
        for arguments in wrong { expect(64, try await Command(arguments).ended()) }
    }

    @Test("So is what is wrong with a number")
    func numbers() async throws {
        let bearer = ["verify", "--profile", "bearer", "--var", "access_token=x", "--target", nowhere]
        let wrong = [
            ["--connections", "0"], ["--connections", "50001"], ["--threads", "0"], ["--threads", "65"],
            ["--users", "0"], ["--bots", "0"], ["--account-cap", "0"], ["--attack-factor", "0"],
            ["--attack-factor", "nan"], ["--hit-rate", "1.1"], ["--hit-rate=-1"], ["--warm-up", "x"],
            ["--refresh-grace", "2h"], ["--timeout", "1ms"], ["--max-lag", "0"], ["--duration", "0"],
            ["--duration", "login=5s"], ["--duration", "2d"], ["--rate", "fast"], ["--rate", "sleep=5"],
            ["--rate", "verify="], ["--max", "verify.p99"], ["--max", "login.p99=1ms"], ["--min", "compromised=1"],
        ]
        for arguments in wrong { expect(64, try await Command(bearer + arguments).ended()) }
        for arguments in [["--nonsense"], ["--connections", "many"], ["--seed", "-1"]] {
            let ended = try await Command(bearer + arguments).ended()
            #expect(ended.code == 64)
            #expect(ended.output.isEmpty)
            #expect(!ended.errors.isEmpty)
        }
    }

    @Test("A rate of max is for what is one stream of requests")
    func saturation() async throws {
        let mine = ["--target", nowhere, "--var", "admin_username=a", "--var", "admin_password=b"]
        for scenario in ["siege", "mixed", "stuffing"] {
            for rate in ["verify=max", "max", "real=max"] {
                expect(64, try await Command([scenario, "--rate", rate] + mine).ended())
            }
        }
        expect(64, try await Command(["verify", "login", "--rate", "max"] + mine).ended())
    }

    @Test("A profile that cannot be used is exit code 65")
    func profiles() async throws {
        expect(65, try await Command.run("verify", "--profile", "@/none.json", "--target", nowhere))
        expect(65, try await Command.run("login", "--profile", "bearer", "--target", nowhere))
        expect(65, try await Command.run("profiles", "@/none.json"))
        expect(65, try await Command.run("profiles", "@"))
    }

    @Test("A target that cannot be reached, or found, is exit code 69")
    func unreachable() async throws {
        let given = ["verify", "--profile", "bearer", "--var", "access_token=x", "--quiet", "--target"]
        expect(69, try await Command(given + [nowhere]).ended())
        expect(69, try await Command(given + ["http://nobody.invalid"]).ended())
    }

    @Test("A report that cannot be written is exit code 73 before anything is sent")
    func unwritable() async throws {
        let target = try ScriptedTarget.answering(reply())
        defer { target.end() }
        let given = [
            "verify", "--profile", "bearer", "--var", "access_token=x", "--target", "http://127.0.0.1:\(target.port)",
        ]
        let wrong = [
            ["--json", "@/none/a.json"], ["--json", "@"], ["--html", "@/none/a.html"], ["--json", ""],
            ["--json", "@/same", "--html", "@/same"],
        ]
        for arguments in wrong { expect(73, try await Command(given + arguments).ended()) }
        #expect(target.connections == 0)
    }

    @Test("Files that are no results cannot be compared")
    func compare() async throws {
        expect(65, try await Command.run("compare", "@/a.json", "@/b.json"))
        expect(64, try await Command.run("compare", "@/a.json", "@/b.json", "--worse-than", "0"))
    }
}
