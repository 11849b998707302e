import Foundation

/// An authority and a certificate for 127.0.0.1, made by openssl.
struct Certificates {
    let folder: URL

    func file(_ name: String) -> String { folder.appending(path: name).path }

    init() throws {
        folder = try temporaryFolder()
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"]
        try run(
            ["openssl", "req", "-x509", "-days", "1", "-subj", "/CN=authority", "-out", file("ca.pem")] + key
                + [file("ca.key")])
        try run(
            ["openssl", "req", "-subj", "/CN=server", "-out", file("server.csr")] + key + [file("server.key")])
        try "subjectAltName=IP:127.0.0.1,DNS:localhost\n".write(
            toFile: file("names"), atomically: true, encoding: .utf8)
        try run([
            "openssl", "x509", "-req", "-days", "1", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey",
            file("ca.key"), "-CAcreateserial", "-extfile", file("names"), "-out", file("server.pem"),
        ])
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    /// What a server of ours needs to speak TLS only.
    var serverFlags: [String] {
        [
            "--port", "0", "--tls-port", "PORT", "--tls-cert-file", file("server.pem"), "--tls-key-file",
            file("server.key"), "--tls-ca-cert-file", file("ca.pem"), "--tls-auth-clients", "no",
        ]
    }

    var cliFlags: [String] { ["--tls", "--cacert", file("ca.pem")] }
}
