import ArgumentParser

/// Whom a run is about.
struct TargetOptions: ParsableArguments {
    @Option(help: ArgumentHelp("URL of a node or balancer; repeat it for several.", valueName: "url"))
    var target: [String] = []
    @Option(help: "How the target is spoken to: a shipped profile (`loadtest profiles`) or a file.")
    var profile = "portcullis"
    @Option(name: .customLong("var"), help: ArgumentHelp("A variable of the profile.", valueName: "name=value"))
    var variables: [String] = []
    @Option(
        name: .customLong("var-file"),
        help: ArgumentHelp("A variable whose value is the first line of a file.", valueName: "name=file"))
    var variableFiles: [String] = []
    @Option(
        help: ArgumentHelp(
            "How the target is told a simulated client's address: header, header:NAME, proxy-v1, proxy-v2 or none (by the profile). It must trust us for it.",
            valueName: "way"))
    var clientAddress: String?
    @Option(
        help: ArgumentHelp(
            "What a target beyond loopback serves at /.well-known/loadtest-consent.", valueName: "token"))
    var consentToken: String?
    @Option(help: ArgumentHelp("PEM file of whom TLS trusts (the system's).", valueName: "file"))
    var ca: String?
    @Option(
        help: ArgumentHelp("URL of a node's metrics in Prometheus' format; repeat it for several.", valueName: "url"))
    var metrics: [String] = []
    @Option(
        help: ArgumentHelp(
            "A process of the target on this machine; repeat it (who listens on its port).", valueName: "pid"))
    var pid: [Int32] = []
}

/// How much, how long.
struct LoadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Rate, over the one that follows from the capacity: verify=1000, login=50, real=5, attack=0..400, people=10; 1000 alone is that of a run of one scenario. Or 0..2000 (ramp), 100,200,400 (steps), 500@5s (bursts), max.",
            valueName: "[name=]rate"))
    var rate: [String] = []
    @Option(help: ArgumentHelp("Length of each scenario, or of one: stuffing=60s (30s).", valueName: "[name=]time"))
    var duration: [String] = []
    @Option(help: ArgumentHelp("Before each scenario, at its first rate, and not counted.", valueName: "time"))
    var warmUp = "2s"
    @Option(help: ArgumentHelp("After which a request is given up, from when it should have gone.", valueName: "time"))
    var timeout = "10s"
    @Option(help: "Connections that are kept.") var connections = 64
    @Option(help: "Threads that send.") var threads = 1
    @Option(help: "Accounts to plant.") var users = 200
    @Option(help: "Addresses of a botnet.") var bots = 50_000
    @Option(help: "Attempts of an attack, as a multiple of the logins that the target carries.")
    var attackFactor = 10.0
    @Option(help: "Of the pairs of a stuffing list, how many are right.") var hitRate = 0.01
    @Option(help: ArgumentHelp("How long the target takes a refresh token a second time.", valueName: "time"))
    var refreshGrace = "60s"
    @Option(help: "Guesses that the target promises to look at for one account at most.") var accountCap: Int?
    @Option(help: "Names, passwords and addresses follow from it (made up).") var seed: UInt64?
    @Option(help: ArgumentHelp("Lag of the generator, at its p99, beyond which a run is invalid.", valueName: "time"))
    var maxLag = "10ms"
    @Option(
        help: ArgumentHelp(
            "A command at a time of each scenario: 20s='scripts/rig kill redis'.", valueName: "time=command"))
    var fault: [String] = []
}

/// What comes out.
struct OutputOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Write the figures as JSON.", valueName: "file")) var json: String?
    @Option(help: ArgumentHelp("Write the report as one page.", valueName: "file")) var html: String?
    @Option(help: ArgumentHelp("Fail beyond it: login.p99=300ms, stuffing.compromised=0.", valueName: "what=value"))
    var max: [String] = []
    @Option(help: ArgumentHelp("Fail below it: real.success=99%, verify.rate=1000.", valueName: "what=value"))
    var min: [String] = []
    @Flag(help: "No progress, only the table at the end.") var quiet = false
}
