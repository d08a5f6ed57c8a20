import Reactor
import TestSupport
import Testing

@testable import LoadTests

@Suite("Preparation of a run", .timeLimit(.minutes(1)))
struct PreparationTests {
    @Test("Where nobody listens a run ends at once, with the address and what the system says")
    func nobody() async throws {
        let socket = try Socket.listen(on: try #require(SocketAddress("127.0.0.1:0")), .alone)
        let port = try #require(socket.localAddress()?.port)
        socket.close()
        let error = try await RunBench.failure(try RunBench.settings([.verify], port: port))
        #expect(error.exitCode == 69)
        #expect(error.description.contains("http://127.0.0.1:\(port) cannot be reached"))
    }

    @Test(
        "A target that speaks no HTTP, hangs up or says nothing is not there",
        arguments: [
            ("SSH-2.0-x\r\n\r\n", "no HTTP/1.1"), ("", "ended the connection"), ("wait", "did not answer in time"),
        ])
    func noHTTP(_ text: String, _ words: String) async throws {
        let target = try ScriptedTarget { peer in
            while peer.request() != nil {
                if text.isEmpty { return }
                if text != "wait" { peer.send(text) }
            }
        }
        defer { target.end() }
        var settings = try RunBench.settings([.verify], port: target.port)
        settings.timeoutMilliseconds = 100
        let error = try await RunBench.failure(settings)
        #expect(error.exitCode == 69)
        #expect(error.description.contains(words), "\(error)")
    }

    @Test(
        "An answer that the profile does not expect is said with its status",
        arguments: [
            ("/plant", 404, "{}", "The planting of lt-"), ("/plant", 401, "{}", "(status 401)"),
            ("/plant", 200, "{}", "(status 200)"), ("/login", 401, "{}", "The login of a planted account was refused"),
            ("/login", 404, "{}", "(status 404)"), ("/login", 200, "{}", "access_token"),
            ("/login", 200, "no JSON", "JSON"), ("/login", 200, #"{"access_token": "a"}"#, "refresh_token"),
            ("/verify", 401, "{}", "The verify of a fresh token was refused (status 401)"),
            ("/verify", 500, "{}", "(status 500)"),
        ])
    func unexpected(_ path: String, _ status: UInt16, _ body: String, _ words: String) async throws {
        try await SmallTarget.run { target, port in
            target.answer(path, status, body)
            let error = try await RunBench.failure(try RunBench.settings([.login], port: port))
            #expect(error.exitCode == 65)
            #expect(error.description.contains(words), "\(error)")
        }
    }

    @Test("A target that turns everybody away is asked for so long and no longer", arguments: ["/plant", "/login"])
    func overloaded(_ path: String) async throws {
        try await SmallTarget.run { target, port in
            var settings = try RunBench.settings([.login], port: port)
            settings.preparationSeconds = 0.5
            target.answer(path, 503)
            let overloaded = try await RunBench.failure(settings)
            #expect(overloaded.exitCode == 69)
            #expect(overloaded.description.contains("overloaded"))
            #expect(target.count(path) >= 2)
            target.answer(path, 429)
            let limited = try await RunBench.failure(settings)
            #expect(limited.exitCode == 65)
            #expect(limited.description.contains("turned away by a limit"))
        }
    }

    @Test("A target that is busy at first is asked again")
    func busy() async throws {
        try await SmallTarget.run { target, port in
            target.answer("/plant", 503, times: 3)
            let report = try await RunBench(try RunBench.settings([.login], port: port)).report()
            #expect(report.scenarios[0].operations[0].ok == 50)
            #expect(target.count("/plant") == 20 + 3)
        }
    }

    @Test("Accounts of an earlier run with the same seed are used again")
    func twice() async throws {
        try await SmallTarget.run { target, port in
            for _ in 0..<2 {
                let report = try await RunBench(try RunBench.settings([.verify], port: port)).report()
                #expect(report.scenarios[0].operations[0].ok == 50)
            }
            #expect(target.count("/plant") == 40)
            #expect(target.state.withLock { $0.passwords.count } == 20)
        }
    }

    @Test("A request that cannot be made says what it lacks, and not that the target is bad")
    func unmade() async throws {
        try await SmallTarget.run { _, port in
            let profile = SmallTarget.profile.replacing(
                "\"path\": \"/verify\"", with: "\"path\": \"/verify/{address}\"")
            let error = try await RunBench.failure(try RunBench.settings([.verify], port: port, profile: profile))
            #expect(error.exitCode == 65)
            #expect(error.description.contains("address"), "\(error)")
        }
    }

    @Test("A run that is interrupted before it begins, or while it plants, says so")
    func interrupted() async throws {
        try await SmallTarget.run { target, port in
            let early = RunBench(try RunBench.settings([.verify], port: port))
            early.run.interrupt()
            #expect(try await early.failure() == .interrupted)
            target.state.withLock { $0.silent = ["/plant"] }
            let planting = RunBench(try RunBench.settings([.verify], port: port))
            async let failure = planting.failure()
            await until { target.count("/plant") > 0 }
            planting.run.interrupt()
            #expect(try await failure == .interrupted)
        }
    }

    // MARK: Consent

    private static let token = "a-token-of-sixteen-or-more"

    @Test("A target that is not this machine alone is sent nothing without a token")
    func noConsent() async throws {
        try await SmallTarget.run { target, port in
            let error = try await RunBench.failure(try RunBench.settings([.verify], port: port, isElsewhere: true))
            #expect(error.exitCode == 77)
            #expect(target.state.withLock { $0.counts.isEmpty })
        }
    }

    @Test(
        "Nor is it sent anything but the question when it serves no token, or another",
        arguments: [(404, "{}"), (302, token), (200, "another-token-of-sixteen"), (200, "")] as [(UInt16, String)])
    func wrongConsent(_ status: UInt16, _ body: String) async throws {
        try await SmallTarget.run { target, port in
            target.answer(Consent.path, status, body)
            var settings = try RunBench.settings([.verify], port: port, isElsewhere: true)
            settings.consent = try Consent(token: Self.token)
            let error = try await RunBench.failure(settings)
            #expect(error.exitCode == 77)
            #expect(target.state.withLock { $0.counts } == [Consent.path: 1])
        }
    }

    @Test("With the token it runs, and ends when the token is taken away between two scenarios")
    func consent() async throws {
        try await SmallTarget.run { target, port in
            target.answer(Consent.path, 200, Self.token + "\n")
            var settings = try RunBench.settings([.verify, .login], port: port, isElsewhere: true)
            settings.consent = try Consent(token: Self.token)
            let report = try await RunBench(settings).report()
            #expect(report.scenarios.map(\.name) == ["verify", "login"])
            #expect(target.count(Consent.path) == 3)
            // Asked for before the run and before its first scenario; the next time it is gone.
            target.answer(Consent.path, 200, Self.token, times: 2)
            let error = try await RunBench.failure(settings)
            #expect(error.exitCode == 77)
            #expect(target.count(Consent.path) == 6)
        }
    }
}
