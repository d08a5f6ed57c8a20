import Reactor

/// What a connection reads from and writes to. Plain TCP; TLS is to stand here, between socket and parser, without the
/// connection knowing.
struct Transport: ~Copyable {
    private let socket: Socket

    init(_ socket: consuming Socket) { self.socket = socket }

    var descriptor: Int32 { socket.descriptor }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer { socket.read(into: buffer) }

    func write(_ bytes: UnsafeRawBufferPointer) -> Transfer { socket.write(bytes) }

    func shutdownWriting() { socket.shutdownWriting() }

    consuming func close() { socket.close() }
}
