import HTTP
import HTTPServer
import Reactor

/// The server's side of the control socket: the API's administration, on the loop of the ops port, for whoever owns the
/// machine.
struct ControlServer: Sendable {
    /// Commands that run at once; further ones wait in the kernel's queue.
    private static let maximumConnections = 16
    /// Milliseconds from a request's first byte to its answer: above all a wait for the disk or for a key to be made.
    static let totalMilliseconds: Int64 = 10_000

    private let server: Server
    private let socket: ControlSocket

    /// Listens in the data folder, whose lock the caller holds; who connects waits until `begin`.
    static func bind(
        _ configuration: Configuration, on loop: EventLoop, _ admin: AdminRoutes, _ log: EventLog
    ) throws(StartupError) -> ControlServer {
        var deadlines = Deadlines()
        deadlines.total = totalMilliseconds
        let host = ConnectionHost(
            loop: loop, limits: configuration.httpLimits, deadlines: deadlines,
            maximumConnections: maximumConnections,
            handler: ControlHandler(admin, bodyLimit: configuration.requestBodyBytes, log: log.requestLog()))
        let folder = configuration.dataFolder
        do throws(SystemError) {
            let socket = try ControlSocket(folder: folder)
            do throws(SystemError) {
                return ControlServer(server: Server.bind(to: try socket.listen(), host: host), socket: socket)
            } catch {
                socket.close()
                throw error
            }
        } catch {
            throw StartupError("Cannot listen on \(folder)/\(ControlSocket.name)", error)
        }
    }

    func begin() async throws(SystemError) { try await server.begin() }

    /// Whether nobody is connected or queued any more, once it drains.
    var isDrained: Bool { server.isDrained }

    /// Takes no further connection and answers those there are.
    func drain() { server.drain() }

    func closeAll() {
        server.drain()
        server.closeAll()
    }

    /// Removes the socket. Once, after `closeAll` and before the folder's lock is let go of.
    func remove() {
        socket.remove()
        socket.close()
    }
}
