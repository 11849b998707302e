import NIOCore
import NIOSSL
import RoostCore
import RoostWire

/// What the two files hold.
struct CertificateTexts: Equatable, Sendable {
    var certificates: String
    var key: String
}

// The key must not get into a log.
extension CertificateTexts: CustomStringConvertible, CustomDebugStringConvertible {
    var description: String { "a certificate and its key" }
    var debugDescription: String { description }
}

/// The files named by `--tls-cert` and `--tls-key`.
struct CertificateFiles: Sendable {
    let certificatePath: String
    let keyPath: String
    /// Gives the text of a file; what it throws is shown by its description.
    let readFile: @Sendable (String) throws -> String

    func read() throws(CertificateError) -> CertificateTexts {
        CertificateTexts(
            certificates: try text(of: certificatePath, for: "--tls-cert"),
            key: try text(of: keyPath, for: "--tls-key"))
    }

    private func text(of path: String, for option: String) throws(CertificateError) -> String {
        do {
            return try readFile(path)
        } catch {
            throw .unreadable(option: option, path: path, cause: "\(error)")
        }
    }

    /// What TLS is spoken with, if the texts are whole and fit each other.
    func certificate(from texts: CertificateTexts) throws(CertificateError) -> ServerCertificate {
        let chain = try chain(in: texts.certificates)
        let key = try key(in: texts.key)
        do {
            // Refuses a key that is not the one of the first certificate.
            return ServerCertificate(context: try NIOSSLContext(configuration: .server(chain, key)), leaf: chain[0])
        } catch {
            throw .mismatch(certificatePath: certificatePath, keyPath: keyPath)
        }
    }

    private func chain(in text: String) throws(CertificateError) -> [NIOSSLCertificate] {
        guard text.contains("-----BEGIN CERTIFICATE-----") || text.contains("-----BEGIN TRUSTED CERTIFICATE-----")
        else { throw .noCertificate(path: certificatePath) }
        do {
            return try NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
        } catch {
            throw .badCertificate(path: certificatePath)
        }
    }

    private func key(in text: String) throws(CertificateError) -> NIOSSLPrivateKey {
        guard text.contains("PRIVATE KEY-----") else { throw .noKey(path: keyPath) }
        guard !text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----"), !text.contains("Proc-Type: 4,ENCRYPTED") else {
            throw .encryptedKey(path: keyPath)
        }
        do {
            return try NIOSSLPrivateKey(bytes: Array(text.utf8), format: .pem)
        } catch {
            throw .badKey(path: keyPath)
        }
    }
}

/// A certificate that has been checked against its key, ready to be served with.
struct ServerCertificate: Sendable {
    let context: NIOSSLContext
    let leaf: NIOSSLCertificate

    var begins: Timestamp { Timestamp(milliseconds: Int64(leaf.notValidBefore) * 1000) }
    var ends: Timestamp { Timestamp(milliseconds: Int64(leaf.notValidAfter) * 1000) }

    /// Why clients will refuse it at this time; nil if its dates give no cause.
    func doubt(at now: Timestamp) -> String? {
        if ends < now {
            return "it expired at \(ends.iso8601), so clients will refuse it; put a new one in its place"
        }
        if now < begins { return "it is not valid before \(begins.iso8601), so clients will refuse it until then" }
        return nil
    }
}

extension TLSConfiguration {
    /// TLS 1.2 and 1.3, with forward secrecy and authenticated encryption only.
    fileprivate static func server(_ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        // Of TLS 1.2; those of 1.3 are not chosen.
        configuration.cipherSuites = "ECDH+AESGCM:ECDH+CHACHA20"
        configuration.applicationProtocols = ["http/1.1"]
        // How long a peer has to answer our last word, as after a WebSocket's close frame.
        configuration.shutdownTimeout = .seconds(2)
        return configuration
    }
}
