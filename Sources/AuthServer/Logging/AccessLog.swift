import HTTP
import HTTPServer

/// The requests of one loop of the main port; verify is sampled, whatever its answer.
final class AccessLog {
    private let log: RequestLog
    private let verifySample: Int
    private var untilVerify: Int

    /// Of `verifySample` verify requests one is written; of 0 none.
    init(_ log: RequestLog, verifySample: Int) {
        self.log = log
        self.verifySample = verifySample
        untilVerify = verifySample
    }

    /// On the loop, when a request was answered; `problem` is the end of the problem's type, nil when it was none. All
    /// verify requests but the sampled ones end at a counter.
    func note(
        _ route: RouteID, _ status: Status, _ problem: StaticString?, nanoseconds: UInt64, _ exchange: Exchange
    ) {
        switch route {
        case .verify, .verifyAny, .verifyRoles:
            untilVerify -= 1
            if untilVerify != 0 { return }
            untilVerify = verifySample
            log.write(route, status, problem, nanoseconds: nanoseconds, exchange, sample: verifySample)
        default: log.write(route, status, problem, nanoseconds: nanoseconds, exchange)
        }
    }
}
