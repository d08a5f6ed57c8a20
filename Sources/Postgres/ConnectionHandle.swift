import CPostgres
import Glibc

/// The one owner of libpq's connection. Nothing in here blocks. It is closed by `close`, explicitly, on its loop.
struct ConnectionHandle: ~Copyable {
    /// What libpq waits for while it connects.
    enum Progress {
        case reading, writing, open, failed
    }

    private let connection: OpaquePointer

    /// Begins to connect. Nil when there is no memory for it; any other failure shows in `isBroken`.
    ///
    /// The host's address must be among the parameters (`hostaddr`): libpq would look a name up and block.
    init?(_ parameters: [(name: String, value: String)]) {
        let started = withCStrings(parameters.map(\.name)) { names in
            withCStrings(parameters.map(\.value)) { values in PQconnectStartParams(names, values, 0) }
        }
        guard let started else { return nil }
        connection = started
        // So that the state of a refused login stands in its message, of which there is no other trace.
        PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
    }

    consuming func close() { PQfinish(connection) }

    // MARK: State

    /// -1 while there is none. libpq may exchange it while it connects.
    var descriptor: Int32 { PQsocket(connection) }
    var isBroken: Bool { PQstatus(connection) == CONNECTION_BAD }
    var isEncrypted: Bool { PQsslInUse(connection) != 0 }
    /// No transaction is open, and none has failed.
    var isBetweenTransactions: Bool { PQtransactionStatus(connection) == PQTRANS_IDLE }
    /// Several lines, for libpq's failures and for a refused login.
    var message: String { String(cString: PQerrorMessage(connection)) }

    /// Input that the kernel has, the end of it included.
    var hasInput: Bool {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&event, 1, 0) > 0
    }

    /// Notices go to `receiver` with `context`, instead of to stderr.
    func setNoticeReceiver(_ context: UnsafeMutableRawPointer, _ receiver: @escaping PQnoticeReceiver) {
        PQsetNoticeReceiver(connection, receiver, context)
    }

    // MARK: Connecting

    func poll() -> Progress {
        switch PQconnectPoll(connection) {
        case PGRES_POLLING_OK: PQsetnonblocking(connection, 1) == 0 ? .open : .failed
        case PGRES_POLLING_READING: .reading
        case PGRES_POLLING_WRITING: .writing
        default: .failed
        }
    }

    // MARK: Sending: false when it could not be queued

    func enterPipeline() -> Bool { PQenterPipelineMode(connection) == 1 }
    func leavePipeline() -> Bool { PQexitPipelineMode(connection) == 1 }

    func sendPrepare(_ name: String, _ sql: String, _ types: [UInt32]) -> Bool {
        PQsendPrepare(connection, name, sql, Int32(types.count), types) == 1
    }

    func sendQuery(prepared name: String, _ parameters: ParameterBlock) -> Bool {
        parameters.withPointers { pointers, lengths, formats in
            PQsendQueryPrepared(connection, name, Int32(parameters.count), pointers, lengths, formats, 1) == 1
        }
    }

    /// Ends the pipeline's implicit transaction, and writes what there is room for.
    func sendSync() -> Bool { PQpipelineSync(connection) == 1 }

    func sendScript(_ script: String) -> Bool { PQsendQuery(connection, script) == 1 }

    /// Writes what there is room for; the rest when the socket is writable again. False when the connection is broken.
    func flush() -> Bool { PQflush(connection) >= 0 }

    // MARK: Receiving

    /// Reads once. False when the connection is broken.
    func consumeInput() -> Bool { PQconsumeInput(connection) == 1 }

    /// The next result would have to be waited for.
    var isWaiting: Bool { PQisBusy(connection) != 0 }

    /// Only when not `isWaiting`. Nil ends the results of one statement.
    func nextResult() -> StatementResult? { PQgetResult(connection).map { StatementResult($0) } }
}

/// Calls `body` with the strings as C wants them, a null pointer behind the last.
private func withCStrings<Result>(_ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
    var characters: [CChar] = []
    var starts: [Int] = []
    for string in strings {
        starts.append(characters.count)
        characters.append(contentsOf: string.utf8CString)
    }
    return characters.withUnsafeBufferPointer { buffer in
        body(starts.map { start in buffer.baseAddress.map { $0 + start } } + [nil])
    }
}
