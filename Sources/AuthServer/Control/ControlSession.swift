import Glibc
package import HTTP
package import JSON
import Reactor

/// What a command of the operator talks to: the server that holds the data folder, or, when none runs, one that is
/// started in this process for it, without ports, and ends with it. The way is the same: HTTP over the control socket.
///
/// Blocks; for the main thread of a command.
package final class ControlSession {
    /// Commands that come at once take turns with a folder that no server holds; each takes a moment.
    private static let patienceMilliseconds: Int64 = 10_000
    /// A server that is ending takes nothing more; the next one is asked.
    private static let maximumAttempts = 5

    private let configuration: Configuration
    private let socket: ControlSocket
    private var client: ControlClient?
    /// The server in this process; nil while another one is used.
    private var application: Application?

    /// Refuses a folder in which no server ever ran, so that a misspelt name makes no folder. A fleet is where its stores
    /// are: there a folder is made, for the lock and the socket.
    package init(_ configuration: Configuration) throws(ControlFailure) {
        self.configuration = configuration
        let path = configuration.dataFolder
        if configuration.isFleet { mkdir(path, 0o700) }
        do throws(SystemError) {
            socket = try ControlSocket(folder: path)
        } catch {
            throw error.code == EACCES ? .notPermitted(path) : .noDataFolder(path)
        }
        if configuration.isFleet { return }
        do throws(SystemError) {
            // The database, or the announcement of a server whose database was lost.
            let database = try socket.size(of: DatabaseFile.name)
            let announcement = try socket.size(of: DataFolder.lockName) ?? 0
            if database != nil || announcement > 0 { return }
        } catch {
            socket.close()
            throw .notPermitted(path)
        }
        socket.close()
        throw .noDataFolder(path)
    }

    /// Whether a server of another process answers now.
    package func isServerRunning() throws(ControlFailure) -> Bool {
        if application != nil { return false }
        if client != nil { return true }
        client = try connect()
        return client != nil
    }

    /// Asks, and starts a server for it when none runs.
    package func request(
        _ method: HTTP.Method, _ target: String, body: JSONValue? = nil
    ) throws(ControlFailure) -> ControlReply {
        var bytes: [UInt8]?
        if let body {
            var writer = JSONWriter()
            writer.value(body)
            bytes = writer.bytes
        }
        for _ in 0..<ControlSession.maximumAttempts {
            try open()
            do throws(ControlClientError) {
                guard let reply = try client?.request(method, target, body: bytes) else { continue }
                if client?.isUsable == false { disconnect() }
                return reply
            } catch {
                disconnect()
                switch error {
                case .notTaken: continue
                case .inDoubt(let why):
                    throw ControlFailure(
                        .temporaryFailure,
                        "\(why). It is not known whether it did what was asked: look before you repeat.")
                case .malformed:
                    throw ControlFailure(.internalFailure, "What the server answered cannot be read.")
                }
            }
        }
        throw ControlFailure(.temporaryFailure, "The server is ending. Try again.")
    }

    /// Ends the server that was started here, if any, and lets go of the folder's lock.
    package func endOwnServer() {
        guard let application else { return }
        disconnect()
        application.stop()
        self.application = nil
    }

    /// Ends everything. Once.
    package func close() {
        endOwnServer()
        disconnect()
        socket.close()
    }

    private func disconnect() { client.take()?.close() }

    // MARK: Finding a server

    private func open() throws(ControlFailure) {
        let deadline = MonotonicTime.now.adding(milliseconds: ControlSession.patienceMilliseconds)
        while client == nil {
            client = try connect()
            if client != nil || application != nil { break }
            do throws(StartupError) {
                try becomeOwner()
                application = try Application.start(configuration, for: .operatorCommand)
            } catch {
                guard error.code == .temporaryFailure, MonotonicTime.now < deadline else {
                    throw ControlFailure(error)
                }
                // Another command has it, or a server that starts or ends.
                poll(nil, 0, 20)
            }
        }
        if client == nil { throw ControlFailure(.internalFailure, "The control socket does not answer.") }
    }

    /// Nil when nobody listens.
    private func connect() throws(ControlFailure) -> ControlClient? {
        let path = "\(configuration.dataFolder)/\(ControlSocket.name)"
        do throws(SystemError) {
            let connection = try socket.connect(timeoutSeconds: ControlClient.timeoutSeconds)
            let (peer, owner) = (try connection.peerUser(), try socket.owner().user)
            // Passwords are sent: not to whoever else could put a socket there.
            guard peer == 0 || peer == geteuid() || peer == owner else {
                connection.close()
                throw SystemError("connect", code: EPERM)
            }
            return ControlClient(connection)
        } catch {
            switch error.code {
            case ENOENT, ECONNREFUSED: return nil
            case EACCES, EPERM: throw .notPermitted(configuration.dataFolder)
            case EAGAIN: throw ControlFailure(.temporaryFailure, "The server behind \(path) does not answer.")
            default: throw ControlFailure(.unavailable, "\(path) cannot be used: \(error)")
            }
        }
    }

    /// As root: goes on as the folder's owner, for good. Files that root makes in it would keep the owner's server from
    /// starting.
    private func becomeOwner() throws(StartupError) {
        guard geteuid() == 0 else { return }
        do throws(SystemError) {
            let owner = try socket.owner()
            guard owner.user != 0 else { return }
            guard setgroups(0, nil) == 0, setgid(owner.group) == 0, setuid(owner.user) == 0 else {
                throw SystemError("setuid")
            }
        } catch {
            throw StartupError("The data folder's owner cannot be taken on", error)
        }
    }
}
