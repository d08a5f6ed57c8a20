internal import COpenSSL

/// Whom a TLS client trusts: made once, off the loops since it reads files, and shared by all connections.
package final class TLSClientContext: Sendable {
    // Set up here and only read since; OpenSSL counts its references and locks what sessions share.
    nonisolated(unsafe) let pointer: OpaquePointer

    /// Where distributions keep the authorities in one file. Read now; the system's folder of single files would be read
    /// in the middle of a handshake.
    private static let systemBundle = "/etc/ssl/certs/ca-certificates.crt"

    /// Trusts the certificates in the PEM file `authorities`, or the system's if nil. TLS 1.2 at least; a peer without a
    /// good certificate is refused.
    package init(authorities: String?) throws(OpenSSLError) {
        guard let pointer = SSL_CTX_new(TLS_client_method()) else { throw OpenSSLError("preparing TLS") }
        let isTrusting =
            if let authorities {
                SSL_CTX_load_verify_file(pointer, authorities) == 1
            } else {
                SSL_CTX_load_verify_file(pointer, TLSClientContext.systemBundle) == 1
                    || SSL_CTX_set_default_verify_paths(pointer) == 1
            }
        guard isTrusting, portcullis_tls_prepare(pointer) == 1 else {
            SSL_CTX_free(pointer)
            throw OpenSSLError("preparing TLS")
        }
        // A bundle that was not there has left its trace.
        ERR_clear_error()
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        self.pointer = pointer
    }

    deinit { SSL_CTX_free(pointer) }
}
