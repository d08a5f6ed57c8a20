import Testing

@testable import LoadTests

@Suite("Guesses of attacks")
struct GuessTests {
    private func scene(accounts: Int = 100, sessions: Int = 20, bots: Int = 1_000, hitRate: Double = 0.1) throws
        -> Scene
    {
        var options = ScenarioOptions()
        options.bots = bots
        options.hitRate = hitRate
        var scene = Scene(
            profile: try TargetProfile.named("portcullis"), endpoints: [], basePath: "", carrier: .none, seed: 7,
            given: Variables(), credentials: SyntheticCredentials(seed: 7), accounts: accounts, options: options)
        scene.sessions = (0..<sessions).map { Session(person: $0, variables: Variables()) }
        return scene
    }

    private func guesses(_ kind: AttackKind, _ scene: Scene, _ count: Int) -> [Guesses.Guess] {
        let guesses = Guesses(kind, scene)
        return (0..<count).map { guesses[$0] }
    }

    @Test(
        "With one account, one bot and nobody signed in every guess can still be made", arguments: AttackKind.allCases)
    func smallest(_ kind: AttackKind) throws {
        let scene = try scene(accounts: 1, sessions: 0, bots: 1)
        for guess in guesses(kind, scene, 200) { #expect(guess.account == nil || guess.account == 0) }
    }

    @Test("Stuffing and the slow one hit as often as they are told, and name mostly people who are nowhere")
    func stuffing() throws {
        for kind in [AttackKind.stuffing, .lowAndSlow] {
            let scene = try scene()
            let all = guesses(kind, scene, 5_000)
            let hits = all.filter { guess in
                guess.account.map { scene.credentials.password($0) == guess.password } ?? false
            }
            #expect((350...650).contains(hits.count))
            #expect(all.filter { $0.account == nil }.count > 3_500)
            for guess in all {
                #expect(guess.account.map(scene.credentials.username) ?? guess.username == guess.username)
            }
        }
        let none = try scene(hitRate: 0)
        #expect(guesses(.stuffing, none, 2_000).allSatisfy { $0.password.contains("+") })
    }

    @Test("A spray tries one common password at every account before the next")
    func spray() throws {
        let scene = try scene()
        let all = guesses(.spray, scene, 250)
        #expect(all[..<100].map(\.account) == Array(0..<100))
        #expect(all[100..<200].map(\.account) == Array(0..<100))
        for rank in 0..<2 {
            let own = all[(rank * 100)..<(rank * 100 + 100)]
            #expect(Set(own.map(\.password)) == [scene.credentials.commonPassword(rank)])
        }
        // Account 49 has the first common password: a spray that never finds one would prove nothing.
        #expect(all[49].password == scene.credentials.password(49))
    }

    @Test("Brute force is many passwords at ten accounts from twenty addresses, none of them right")
    func brute() throws {
        let scene = try scene()
        let all = guesses(.brute, scene, 1_000)
        #expect(Set(all.map(\.account)) == Set((0..<10).map(Optional.some)))
        #expect(Set(all.map(\.address)).count == Guesses.bruteAddresses)
        #expect(Set(all.map(\.password)).count == 1_000)
        #expect(all.allSatisfy { $0.account.map { scene.credentials.password($0) } != $0.password })
    }

    @Test("A lockout is wrong passwords at the first people who are signed in, from the whole botnet")
    func lockout() throws {
        let all = guesses(.lockout, try scene(), 2_000)
        #expect(Set(all.map(\.account)) == Set((0..<10).map(Optional.some)))
        #expect(Set(all.map(\.address)).count == 1_000)
        #expect(Set(guesses(.lockout, try scene(sessions: 3), 100).map(\.account)) == [0, 1, 2])
    }

    @Test("Bots and users never have the same address", arguments: AttackKind.allCases.filter(\.isGuessing))
    func addresses(_ kind: AttackKind) throws {
        let scene = try scene(bots: 500)
        let bots = Set(guesses(kind, scene, 2_000).map(\.address))
        #expect(bots.count == (kind == .brute ? Guesses.bruteAddresses : 500))
        #expect(bots.isDisjoint(with: (0..<2_000).map(scene.userAddress)))
    }
}
