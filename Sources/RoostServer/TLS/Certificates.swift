import Logging
import NIOSSL
import RoostCore
import RoostEngine
import RoostWire

/// The certificate that new connections are served with; it follows its files while the server runs.
final class Certificates: Sendable {
    private let files: CertificateFiles
    private let log: Logger
    private let current: Locked<ServerCertificate>
    private let watch: Locked<CertificateWatch>

    /// The time between two looks at the files.
    private static let interval = Duration.seconds(2)

    /// - Throws: what is wrong with the files.
    init(_ files: CertificateFiles, log: Logger) throws(CertificateError) {
        let texts = try files.read()
        let certificate = try files.certificate(from: texts)
        self.files = files
        self.log = log
        current = Locked(certificate)
        watch = Locked(CertificateWatch(using: texts))
        tell("serving with the certificate", of: certificate)
    }

    /// For a connection that begins now.
    var context: NIOSSLContext { current.withLock { $0.context } }

    /// Looks at the files from time to time, and at once when asked to, until the task is cancelled.
    ///
    /// They are read, not only looked at from outside: they are small, and a link, a mount or a clock that was set
    /// back can't hide a change then.
    func follow(asked: AsyncStream<Void>) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while (try? await Task.sleep(for: Certificates.interval)) != nil { self.look(isAsked: false) }
            }
            group.addTask {
                for await _ in asked { self.look(isAsked: true) }
            }
        }
    }

    private func look(isAsked: Bool) {
        // Reading under the lock: nobody waits for it but another look.
        watch.withLock { watch in
            let verdict = watch.judge(find(), isAsked: isAsked) { texts throws(CertificateError) in
                try files.certificate(from: texts)
            }
            switch verdict {
            case .nothing:
                if isAsked { log.info("the certificate's files are as before") }
            case .taken(let certificate):
                current.withLock { $0 = certificate }
                tell("the certificate's files have changed; new connections are served with them", of: certificate)
            case .refused(let error):
                log.error(
                    "the certificate's files have changed and can't be used; the certificate before is served on",
                    metadata: ["reason": "\(error.reason)"])
            }
        }
    }

    private func find() -> CertificateWatch.Look {
        do throws(CertificateError) {
            return .found(try files.read())
        } catch {
            return .failed(error)
        }
    }

    private func tell(_ news: Logger.Message, of certificate: ServerCertificate) {
        log.info(news, metadata: ["file": "\(files.certificatePath)", "expires": "\(certificate.ends.iso8601)"])
        if let doubt = certificate.doubt(at: Vitals.wall()) {
            log.warning(
                "the certificate is not valid", metadata: ["file": "\(files.certificatePath)", "reason": "\(doubt)"])
        }
    }
}
