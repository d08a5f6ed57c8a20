import Glibc
import Reactor

/// `control.sock` in the data folder: how the command line reaches the server that holds the folder. Whoever listens on
/// it holds the folder's lock, so that a socket which is there already is a killed server's.
struct ControlSocket: Sendable {
    static let name = "control.sock"
    /// The folder's descriptor; names are looked up in it.
    private let folder: Int32

    /// Opens the folder, which must exist. `close` lets go of it.
    init(folder path: String) throws(SystemError) {
        folder = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw SystemError("open") }
    }

    func listen() throws(SystemError) -> Socket {
        try Socket.listen(as: ControlSocket.name, in: folder)
    }

    func connect(timeoutSeconds: Int) throws(SystemError) -> Socket {
        try Socket.connect(to: ControlSocket.name, in: folder, timeoutSeconds: timeoutSeconds)
    }

    /// Whose the folder is.
    func owner() throws(SystemError) -> (user: uid_t, group: gid_t) {
        var status = stat()
        guard fstat(folder, &status) == 0 else { throw SystemError("fstat") }
        return (status.st_uid, status.st_gid)
    }

    /// Whether there is a file of that name in the folder, and how large it is; nil when there is none.
    func size(of name: String) throws(SystemError) -> Int64? {
        var status = stat()
        if fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return Int64(status.st_size) }
        guard errno == ENOENT else { throw SystemError("fstatat") }
        return nil
    }

    /// Removes the socket's name. Only by who listens, while it still holds the folder's lock.
    func remove() { unlinkat(folder, ControlSocket.name, 0) }

    func close() { Glibc.close(folder) }
}
