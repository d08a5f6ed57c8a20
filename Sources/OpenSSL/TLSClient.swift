internal import COpenSSL

/// One TLS connection as seen by its client, without a socket: bytes of the network go in by `receive` and out by
/// `takeOutput`, plain bytes go in by `write` and out by `read`. Whoever calls moves them.
///
/// Not Sendable: it belongs to one loop. After an error it is good for nothing.
package final class TLSClient {
    /// What a read came to.
    package enum Read: Sendable, Equatable {
        case bytes(Int)
        /// Nothing whole is there: more must be received.
        case wantsInput
        /// The peer ended the connection in TLS's own words, so nothing was cut off.
        case end
    }

    private let session: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    /// Both sides have agreed and the peer is who it should be.
    package private(set) var isEstablished = false

    /// `host` is a name, sent as SNI, or an IP address; the peer's certificate must be made out for it.
    package init(_ context: TLSClientContext, host: String) throws(OpenSSLError) {
        guard let session = SSL_new(context.pointer) else { throw OpenSSLError("preparing TLS") }
        guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            SSL_free(session)
            throw OpenSSLError("preparing TLS")
        }
        // From here on the session owns both.
        SSL_set_bio(session, input, output)
        self.session = session
        self.input = input
        self.output = output
        // True of an address only; a name leaves an error behind.
        if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1 {
            ERR_clear_error()
        } else {
            ERR_clear_error()
            SSL_set_hostflags(session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            guard SSL_set1_host(session, host) == 1, portcullis_tls_set_server_name(session, host) == 1 else {
                throw OpenSSLError("preparing TLS for a host")
            }
        }
        SSL_set_connect_state(session)
    }

    deinit { SSL_free(session) }

    /// Goes on with the handshake as far as the received bytes allow; true once it is done. Call it first without any, for
    /// the client speaks first, and send what `takeOutput` gives even after an error: the peer learns why.
    package func handshake() throws(OpenSSLError) -> Bool {
        if isEstablished { return true }
        // SSL_get_error looks at the thread's queue, here and below: what another left there is not ours.
        ERR_clear_error()
        let result = SSL_do_handshake(session)
        if result == 1 {
            isEstablished = true
            return true
        }
        guard SSL_get_error(session, result) == SSL_ERROR_WANT_READ else { throw OpenSSLError("shaking hands in TLS") }
        ERR_clear_error()
        return false
    }

    /// Takes bytes from the network.
    package func receive(_ bytes: UnsafeRawBufferPointer) throws(OpenSSLError) {
        guard !bytes.isEmpty else { return }
        guard BIO_write(input, bytes.baseAddress, Int32(clamping: bytes.count)) == Int32(clamping: bytes.count) else {
            throw OpenSSLError("receiving for TLS")
        }
    }

    /// Plain bytes for the caller, at most as many as `buffer` takes.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(OpenSSLError) -> Read {
        ERR_clear_error()
        let count = SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
        if count > 0 { return .bytes(Int(count)) }
        switch SSL_get_error(session, count) {
        case SSL_ERROR_WANT_READ:
            ERR_clear_error()
            return .wantsInput
        case SSL_ERROR_ZERO_RETURN:
            ERR_clear_error()
            return .end
        default: throw OpenSSLError("reading from TLS")
        }
    }

    /// Encrypts `bytes`, all of them: its output is memory. Only once the handshake is done.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(OpenSSLError) {
        ERR_clear_error()
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = SSL_write(session, rest.baseAddress, Int32(clamping: rest.count))
            guard count > 0 else { throw OpenSSLError("writing to TLS") }
            written += Int(count)
        }
    }

    /// Bytes that wait to go to the network.
    package var outputCount: Int { BIO_ctrl_pending(output) }

    /// Moves bytes for the network into `buffer` and returns how many.
    package func takeOutput(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        max(0, Int(BIO_read(output, buffer.baseAddress, Int32(clamping: buffer.count))))
    }

    /// Tells the peer that no more comes.
    package func end() {
        _ = SSL_shutdown(session)
        ERR_clear_error()
    }
}
