package import Logging
import Reactor

/// From which level on lines are written.
package enum LogLevel: String, Sendable, CaseIterable {
    case off, error, warning, info

    func includes(_ level: Logger.Level) -> Bool {
        switch self {
        case .off: false
        case .error: level >= .error
        case .warning: level >= .warning
        case .info: level >= .info
        }
    }

    fileprivate var threshold: Logger.Level {
        switch self {
        case .off, .error: .error
        case .warning: .warning
        case .info: .info
        }
    }
}

/// The log of a server: events by swift-log, requests by `RequestLog`, all into one queue. Without a queue nothing is
/// written.
struct EventLog: Sendable {
    let queue: LogQueue?
    let level: LogLevel
    private let verifySample: Int
    let logger: Logger

    init(_ queue: LogQueue?, level: LogLevel, verifySample: Int) {
        self.queue = queue
        self.level = level
        self.verifySample = verifySample
        logger = Logger(label: "portcullis") { _ in
            guard let queue, level != .off else { return SwiftLogNoOpLogHandler() }
            return JSONLogHandler(queue: queue, logLevel: level.threshold)
        }
    }

    /// Where `configuration` says. Blocks.
    static func start(_ configuration: Configuration) throws(StartupError) -> EventLog {
        var queue: LogQueue?
        if let descriptor = configuration.logDescriptor, configuration.logLevel != .off {
            do throws(SystemError) { queue = try LogQueue(descriptor: descriptor) } catch {
                throw StartupError("The log's thread cannot be made", error)
            }
        }
        return EventLog(queue, level: configuration.logLevel, verifySample: configuration.logVerifySample)
    }

    /// Writes what is there and ends the thread. Blocks, no longer than a second.
    func stop() { queue?.stop() }

    /// One for each loop.
    func accessLog() -> AccessLog? { requestLog().map { AccessLog($0, verifySample: verifySample) } }

    /// For what is not sampled.
    func requestLog() -> RequestLog? {
        guard let queue, level != .off else { return nil }
        return RequestLog(queue: queue, level: level)
    }
}

/// What swift-log hands over, as JSON into the queue.
package struct JSONLogHandler: LogHandler {
    private let queue: LogQueue
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    package init(queue: LogQueue, logLevel: Logger.Level) {
        self.queue = queue
        self.logLevel = logLevel
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        queue.append(LogLine.of(event.level, "\(event.message)", all, at: systemTime()))
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
}
