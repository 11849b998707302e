import Testing

@testable import RoostServer

@Suite("The files of the certificate, read and checked")
struct CertificateFilesTests {
    private struct NoSuchFile: Error, CustomStringConvertible {
        let description = "No such file"
    }

    private func files(_ texts: [String: String]) -> CertificateFiles {
        CertificateFiles(certificatePath: "c.pem", keyPath: "k.pem") { path in
            guard let text = texts[path] else { throw NoSuchFile() }
            return text
        }
    }

    private func error(certificates: String, key: String) -> CertificateError? {
        do throws(CertificateError) {
            _ = try files([:]).certificate(from: CertificateTexts(certificates: certificates, key: key))
            return nil
        } catch {
            return error
        }
    }

    @Test("both are read; the first that can't be is named")
    func reading() throws {
        #expect(
            try files(["c.pem": "a", "k.pem": "b"]).read() == CertificateTexts(certificates: "a", key: "b"))
        #expect(throws: CertificateError.unreadable(option: "--tls-key", path: "k.pem", cause: "No such file")) {
            try files(["c.pem": "a"]).read()
        }
        #expect(throws: CertificateError.unreadable(option: "--tls-cert", path: "c.pem", cause: "No such file")) {
            try files(["k.pem": "b"]).read()
        }
    }

    @Test("what is no certificate is called so, and so is one that is damaged")
    func certificates() {
        #expect(error(certificates: "", key: "") == .noCertificate(path: "c.pem"))
        #expect(error(certificates: "-----BEGIN PRIVATE KEY-----", key: "") == .noCertificate(path: "c.pem"))
        for text in ["", "\nAAAA\n-----END CERTIFICATE-----\n", "\n????\n-----END CERTIFICATE-----\n"] {
            let damaged = "-----BEGIN CERTIFICATE-----" + text
            #expect(error(certificates: damaged, key: "") == .badCertificate(path: "c.pem"))
        }
    }

    @Test("a text with the key in it never gets into a log")
    func secrecy() {
        let texts = CertificateTexts(certificates: "public", key: "private")
        #expect(!"\(texts) \(String(reflecting: texts))".contains("private"))
    }

    @Test("every error names its file and says what to do, in one line")
    func reasons() {
        let errors: [CertificateError] = [
            .unreadable(option: "--tls-cert", path: "c.pem", cause: "gone"), .noCertificate(path: "c.pem"),
            .badCertificate(path: "c.pem"), .noKey(path: "c.pem"), .encryptedKey(path: "c.pem"), .badKey(path: "c.pem"),
            .mismatch(certificatePath: "c.pem", keyPath: "k.pem"),
        ]
        for error in errors {
            #expect(error.reason.contains("c.pem") && error.reason.hasPrefix("--tls-"))
            #expect(error.reason.hasSuffix(".") && !error.reason.contains("\n"))
        }
    }
}
