/// Why TLS can't be spoken with the files of `--tls-cert` and `--tls-key`.
enum CertificateError: Error, Equatable {
    /// The file can't be read, or is not text; the cause in a few words.
    case unreadable(option: String, path: String, cause: String)
    case noCertificate(path: String)
    /// There is one, and it or one behind it is damaged.
    case badCertificate(path: String)
    case noKey(path: String)
    case encryptedKey(path: String)
    /// There is one, and it is damaged or of a kind that is not known.
    case badKey(path: String)
    /// The key is not the one of the first certificate.
    case mismatch(certificatePath: String, keyPath: String)

    /// One line: what happened, and what to do.
    var reason: String {
        switch self {
        case .unreadable(let option, let path, let cause):
            "\(option) \(path): the file can't be read: \(cause). Name a PEM file that this user may read."
        case .noCertificate(let path):
            "--tls-cert \(path): there is no certificate in it. Name a PEM file with -----BEGIN CERTIFICATE-----, the "
                + "server's own first, then those that lead to its root."
        case .badCertificate(let path):
            "--tls-cert \(path): a certificate in it is damaged; `openssl x509 -in FILE -text` says more. Have it "
                + "issued, or copied, again."
        case .noKey(let path):
            "--tls-key \(path): there is no private key in it. Name a PEM file with -----BEGIN PRIVATE KEY-----."
        case .encryptedKey(let path):
            "--tls-key \(path): the key is encrypted, and nobody is there to type its password. Decrypt it with "
                + "`openssl pkey -in FILE -out NEW`, readable by this user only."
        case .badKey(let path):
            "--tls-key \(path): the key in it is damaged or of an unknown kind; RSA and EC keys are known. "
                + "`openssl pkey -in FILE -noout -check` says more."
        case .mismatch(let certificatePath, let keyPath):
            "--tls-key \(keyPath): the key is not the one of the first certificate in \(certificatePath). Name the two "
                + "files that were made for each other; the server's own certificate stands before its issuer's."
        }
    }
}
