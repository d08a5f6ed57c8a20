internal import COpenSSL

/// OpenSSL's implementations, fetched once for the life of the process: a fetch takes locks and searches the providers.
///
/// Nil only where the installed OpenSSL was built without the algorithm; every user turns that into an error.
/// The fetched objects are immutable and OpenSSL lets threads share them (crypto(7), "explicit fetching").
enum Algorithms {
    nonisolated(unsafe) static let sha1 = EVP_MD_fetch(nil, "SHA1", nil)
    nonisolated(unsafe) static let sha256 = EVP_MD_fetch(nil, "SHA256", nil)
    nonisolated(unsafe) static let aes256GCM = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
    nonisolated(unsafe) static let hmac = EVP_MAC_fetch(nil, "HMAC", nil)
}
