import Testing

@testable import RoostSettings

@Suite("TLS settings")
struct TLSTests {
    @Test("both files in three places, and shown")
    func threePlaces() throws {
        for loaded in [
            try load(["--tls-cert", "a.pem", "--tls-key", "b.pem"]),
            try load([], ["ROOST_TLS_CERT": "a.pem", "ROOST_TLS_KEY": "b.pem"]),
            try load(["--tls-key", "b.pem"], yaml: "tlsCert: a.pem"),
        ] {
            #expect(loaded.settings.tlsCert == "a.pem")
            #expect(loaded.settings.tlsKey == "b.pem")
            #expect(loaded.settings.speaksTLS)
            #expect(loaded.printed().contains("\ntlsCert: a.pem"))
            #expect(loaded.printed().contains("\ntlsKey: b.pem"))
        }
        let plain = try load()
        #expect(!plain.settings.speaksTLS)
        #expect(!plain.printed().contains("tls"))
    }

    @Test("one without the other is refused")
    func both() {
        let key = "needs --tls-key too, the PEM file of the certificate's private key"
        let certificate = "needs --tls-cert too, the PEM file of the certificate that the key is of"
        let end = "; leave out both to serve without TLS"
        expectError(78, "--tls-cert a.pem: \(key)\(end)", ["--tls-cert", "a.pem"])
        expectError(78, "ROOST_TLS_KEY b.pem: \(certificate)\(end)", [], ["ROOST_TLS_KEY": "b.pem"])
        expectError(78, "tlsCert (roost.yaml line 1) a.pem: \(key)\(end)", yaml: "tlsCert: a.pem")
    }

    @Test("an empty path is none")
    func empty() {
        expectError(78, "--tls-cert \"\": must be the path of a file", ["--tls-cert=", "--tls-key", "b.pem"])
    }
}
