import Glibc
import Reactor

/// The life of the server as a process: signals, limits, start, banner, wait, stop, exit code.
package enum ServerProcess {
    /// SIGHUP, too: a terminal that is closed must not cut anybody off.
    private static let endingSignals = [SIGTERM, SIGINT, SIGHUP]

    /// Serves until one of `endingSignals` and returns the exit code (sysexits.h). `file` is the configuration file, under the
    /// environment. Blocks the main thread.
    package static func run(environment: SettingVariables, file: String? = nil) -> Int32 {
        do {
            // Before any thread is made: each inherits the mask.
            try Signals.block(endingSignals)
            limitProcess()
            var configuration = try Configuration(environment: environment, file: file)
            let descriptors = descriptorLimit()
            guard descriptors >= configuration.neededDescriptors else {
                throw StartupError(
                    .systemFailure,
                    "The process may open \(descriptors) files and needs \(configuration.neededDescriptors): ulimit -n")
            }
            configuration.logDescriptor = STDERR_FILENO
            configuration.limitConnections(descriptors: descriptors)
            let application = try Application.start(configuration)
            announce(application, configuration)
            try waitForEnd(of: application)
            application.stop()
            return 0
        } catch let error as ConfigurationError {
            for problem in error.problems { Console.error(problem) }
            return StartupError.ExitCode.configuration.rawValue
        } catch let error as StartupError {
            Console.error(error.description)
            return error.code.rawValue
        } catch {
            Console.error("\(error)")
            return StartupError.ExitCode.systemFailure.rawValue
        }
    }

    /// Blocks until one of the signals arrives. A second one means: at once.
    private static func waitForEnd(of application: Application) throws {
        let ended = Lock(false)
        try Signals.watch(endingSignals, on: application.opsLoop) { _ in
            let isSecond = ended.withLock { ended in
                defer { ended = true }
                return ended
            }
            if isSecond { application.hurry() } else { ended.signal() }
        }
        ended.wait { $0 ? () : nil }
    }

    /// Whatever of standard input, output and error was closed at start is held by /dev/null, opened the other way round,
    /// so that its use fails as before: the first file that is opened would take its number, and what is printed, a
    /// password among it, would be written into that file. Ends the process if that cannot be. Once, first of all.
    package static func holdStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            // Those below are open: the lowest free number is this one.
            let opened = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
            guard opened == descriptor else { exit(StartupError.ExitCode.systemFailure.rawValue) }
        }
    }

    /// As many descriptors as the system allows, no core dump since memory holds secrets, and no end by whoever reads our
    /// output and leaves.
    package static func limitProcess() {
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow is an error of one write, which the store answers, not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    }

    /// Descriptors this process may have open.
    private static func descriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    private static func announce(_ application: Application, _ configuration: Configuration) {
        let base = "http://\(application.address)"
        Console.print("portcullis serves on \(base), ops on http://\(application.opsAddress)")
        let name = configuration.isFleet ? "node of a fleet; lock and control socket" : "data folder"
        Console.print("\(name): \(configuration.dataFolder)")
        guard let password = application.madeAdminPassword else { return }
        let isShown = Console.print(
            """

            An admin account was made. Its password is shown this once:

                admin  \(password)

            Try it:

                ACCESS_TOKEN=$(curl -s \(base)/api/v1/auth/login -d username=admin \\
                  -d password=\(password) | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
                curl -i \(base)/api/v1/auth/verify -H "Authorization: Bearer $ACCESS_TOKEN"
                curl -s \(base)/api/v1/me -H "Authorization: Bearer $ACCESS_TOKEN"
                curl -s \(base)/.well-known/jwks.json

            """)
        guard !isShown else { return }
        Console.error(
            "An admin account was made, and its password was not shown: standard output cannot be written. Set one with: "
                + "portcullis user set-password admin --data \(configuration.dataFolder)")
    }
}
