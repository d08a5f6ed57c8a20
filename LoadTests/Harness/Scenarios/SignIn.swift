package import Reactor

/// A real person who wants in, as the second promise of the design has them: who mistypes tries again, who is turned
/// away waits as long as the answer says, and who is not in after ten seconds has gone.
package struct SignIn: Sendable {
    /// What a person bears.
    package static let patienceMilliseconds: Int64 = 10_000
    private static let knownShare = 0.7
    private static let typoShare = 0.05
    /// To see that it was a typo and to type anew.
    private static let retypeSeconds = 0.5
    /// After an answer that says not how long to wait; doubled each time.
    private static let firstPauseSeconds = 1.0

    package let person: Int
    package let account: Int
    package let address: SyntheticAddress
    /// Of a device that this account has been used on before.
    package let isKnown: Bool
    /// By which the device shows it, where the target gives such; nil otherwise.
    package let deviceToken: String?
    package let mistypes: Bool

    package init(
        person: Int, account: Int, address: SyntheticAddress, isKnown: Bool, deviceToken: String?, mistypes: Bool
    ) {
        self.person = person
        self.account = account
        self.address = address
        self.isKnown = isKnown
        self.deviceToken = deviceToken
        self.mistypes = mistypes
    }

    /// One of the crowd, by number: seven of ten on a device that is known, one in twenty mistypes.
    package init(_ number: Int, of scene: Scene) {
        var random = SplitMix64(seed: scene.seed, stream: 64, index: UInt64(bitPattern: Int64(number)))
        let known = scene.sessions[random.below(scene.sessions.count)]
        let isKnown = random.fraction() < SignIn.knownShare
        let account = isKnown ? known.person : random.below(scene.accounts)
        self.init(
            person: number, account: account,
            // People who are signed in have the first addresses.
            address: scene.userAddress(isKnown ? known.person : scene.sessions.count + number), isKnown: isKnown,
            deviceToken: isKnown ? known.variables["device_token"] : nil,
            mistypes: random.fraction() < SignIn.typoShare)
    }

    package struct Outcome: Sendable {
        /// Nil when the person did not get in.
        package var session: Session?
        package var login: RealLogin
        /// The last answer; its `fate` when nobody got in.
        package var last: Answer
    }

    /// Tries until in or out of patience. On the generator's loop.
    package func attempt(
        on generator: Generator, of scene: Scene, intended: MonotonicTime
    ) async -> Outcome {
        let login = scene.operation(.login)
        let deadline = intended.adding(milliseconds: SignIn.patienceMilliseconds)
        var variables = scene.variables(ofAccount: account)
        variables["device_token"] = deviceToken
        var result = RealLogin(
            device: isKnown ? .known : .new, begun: generator.second(of: intended))
        var pause = SignIn.firstPauseSeconds
        var due = intended
        var isTypo = mistypes
        while true {
            var tried = variables
            if isTypo {
                let typed = scene.credentials.typo(of: variables["password"] ?? "", UInt64(bitPattern: Int64(person)))
                tried["password"] = typed
            }
            let left = Int64(deadline.nanoseconds(since: due) / 1_000_000)
            let answer = await generator.ask(
                login, tried, of: scene, from: address, intended: due, timeoutMilliseconds: max(1, left))
            if answer.verdict == .success || answer.verdict == .refused { result.lookedAt += 1 }
            if answer.isSuccess {
                result.latency = answer.done.nanoseconds(since: intended)
                return Outcome(
                    session: Session(person: person, variables: answer.variables), login: result, last: answer)
            }
            if !isTypo { result.wasTurnedAway = true }
            let wait: Double
            if isTypo && answer.verdict == .refused {
                wait = SignIn.retypeSeconds
            } else {
                wait = answer.retryAfter ?? pause
                pause *= 2
            }
            isTypo = isTypo && answer.verdict != .refused
            due = MonotonicTime.now.adding(nanoseconds: UInt64(min(wait, 3600) * 1e9))
            if due >= deadline || generator.isCutOff {
                return Outcome(session: nil, login: result, last: answer)
            }
            await generator.sleep(seconds: wait)
        }
    }
}

extension Generator {
    /// What a sign-in came to, under the name of an operation: the time from the first try to the way in, or a failure
    /// as the last answer was. It is known with that answer: who is told to wait beyond their patience gives up at
    /// once.
    package func record(_ outcome: SignIn.Outcome, intended: MonotonicTime, in recorder: OperationRecorder) {
        let last = outcome.last
        if let latency = outcome.login.latency {
            recorder.record(
                .ok, status: last.status, intended: intended, sent: last.sent,
                done: intended.adding(nanoseconds: latency))
        } else {
            let fate: Fate = last.fate == .ok ? .unexpected : last.fate
            recorder.record(fate, status: last.status, intended: intended, sent: last.sent, done: last.done)
        }
    }
}
