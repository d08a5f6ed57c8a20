import ArgumentParser
import Glibc
import LoadTests
import Reactor

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run scenarios one after the other and report on them (the default).",
        discussion: """
            In peace: verify, login, refresh, mixed. Login in waves beside verify: siege. Attacks, each with real users and
            a gateway beside it: stuffing, spray, brute, low-and-slow, lockout, refresh-race, refresh-replay, slowloris,
            connection-churn. Rates follow from what the target is found to carry, unless they are given.

            It sends to this machine only, unless a target proves that it consents.
            """)

    @Argument(help: ArgumentHelp("What to do.", valueName: "scenario")) var scenarios: [String] = []
    @OptionGroup(title: "Target") var target: TargetOptions
    @OptionGroup(title: "Load") var load: LoadOptions
    @OptionGroup(title: "Report") var output: OutputOptions

    func run() throws {
        do throws(RunError) {
            try perform()
        } catch {
            // Without words: the report has said it.
            throw error.description.isEmpty ? ExitCode(error.exitCode) : failure(error.description, error.exitCode)
        }
    }

    private func perform() throws(RunError) {
        let settings = try SettingsReader(target: target, load: load).settings(scenarios)
        let thresholds = try thresholds(settings)
        let files = try outputFiles()
        raiseDescriptorLimit()
        // Who reads the table may leave early; the reports are written all the same.
        signal(SIGPIPE, SIG_IGN)
        // Before any thread is made: they inherit the mask.
        do throws(SystemError) { try Signals.block([SIGINT, SIGTERM]) } catch { throw .system("\(error).") }
        let (report, ending) = try report(settings)
        let judgements = thresholds.flatMap { $0.judge(report) }
        write(ResultTable(report, judgements: judgements).text, to: 1)
        // Why the run ended early goes before what its figures are worth.
        do throws(RunError) { try deliver(report, judgements, files) } catch { throw ending ?? error }
        if let ending { throw ending }
        if report.isInterrupted { throw RunError("", exitCode: Outcome.interrupted) }
    }

    // MARK: Before

    private func thresholds(_ settings: RunSettings) throws(RunError) -> [Threshold] {
        let names = settings.scenarios.map(\.rawValue)
        var thresholds: [Threshold] = []
        do throws(ThresholdError) {
            for text in output.max { thresholds.append(try Threshold.parse(text, .max)) }
            for text in output.min { thresholds.append(try Threshold.parse(text, .min)) }
        } catch {
            throw .usage(error.description)
        }
        for threshold in thresholds {
            let isKnown = threshold.mayConcern(
                scenarioNames: names, operationNames: settings.scenarios.flatMap(\.operationNames),
                figureNames: settings.scenarios.flatMap(\.figureNames))
            if !isKnown { throw .usage(threshold.concernsNothing) }
        }
        return thresholds
    }

    private func outputFiles() throws(RunError) -> [OutputFile] {
        do throws(OutputError) {
            return try OutputFile.prepare([output.json, output.html].compactMap { $0 })
        } catch {
            throw RunError(error.description, exitCode: Outcome.unwritable)
        }
    }

    // MARK: The run

    /// With why it ended, when a scenario could not be run after others were.
    private func report(_ settings: RunSettings) throws(RunError) -> (RunReport, RunError?) {
        let screen = Screen(isQuiet: output.quiet)
        let run = LoadRun(settings, tell: screen.tell, progress: screen.show)
        let loops: EventLoopGroup
        let control: EventLoop
        do throws(SystemError) {
            control = try EventLoop(name: "control")
            try control.start()
            try Signals.watch([SIGINT, SIGTERM], on: control) { _ in
                // Who asks twice does not want to wait for what is under way.
                if screen.isInterrupted() { _exit(Outcome.interrupted) }
                run.interrupt()
            }
            loops = try EventLoopGroup(count: settings.threads, name: "load")
        } catch {
            throw .system("No thread for the generator: \(error).")
        }
        defer {
            screen.end()
            loops.stopAndJoin()
            control.stop()
            control.join()
        }
        do throws(RunError) {
            return (try run.run(on: loops.loops), nil)
        } catch {
            guard let measured = run.measured else { throw error }
            return (measured, error)
        }
    }

    private func deliver(_ report: RunReport, _ judgements: [Judgement], _ files: [OutputFile]) throws(RunError) {
        var refusal: OutputError?
        for file in files {
            let isPage = file.path == output.html
            let bytes =
                isPage
                ? ReportPage(report, judgements: judgements).bytes
                : ResultFile.bytes(report, judgements: judgements)
            // One that fails does not take the other with it.
            do throws(OutputError) { try file.write(bytes) } catch { refusal = refusal ?? error }
        }
        if let refusal { throw RunError(refusal.description, exitCode: Outcome.unwritable) }
        guard !report.isInterrupted else { return }
        if !report.isValid { throw RunError("", exitCode: Outcome.invalid) }
        if judgements.contains(where: { !$0.isMet }) { throw RunError("", exitCode: Outcome.missed) }
    }

    /// A botnet needs many connections; what the system allows is taken.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// What is written on standard error while a run goes on: by the main thread, and by the loops while it waits for them.
final class Screen: Sendable {
    private struct State {
        var progress: LiveProgress
        var isInterrupted = false
    }

    private let state: Lock<State>
    private let isQuiet: Bool

    init(isQuiet: Bool) {
        self.isQuiet = isQuiet
        state = Lock(State(progress: LiveProgress(isTerminal: terminalWidth() != nil)))
    }

    func tell(_ text: String) {
        if isQuiet { return }
        state.withLock { write("\($0.progress.end)loadtest: \(text)\n", to: 2) }
    }

    func show(_ snapshot: ProgressSnapshot) {
        if isQuiet || snapshot.scenario == "capacity" { return }
        state.withLock { state in
            write(state.progress.text(for: snapshot, width: terminalWidth() ?? 120), to: 2)
        }
    }

    func end() { state.withLock { write(isQuiet ? "" : $0.progress.end, to: 2) } }

    /// Whether it was so before.
    func isInterrupted() -> Bool {
        state.withLock { state in
            defer { state.isInterrupted = true }
            if !state.isInterrupted {
                write("\(state.progress.end)loadtest: ending; once more to end at once\n", to: 2)
            }
            return state.isInterrupted
        }
    }
}
