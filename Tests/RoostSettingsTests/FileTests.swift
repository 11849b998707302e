import Testing

@testable import RoostSettings

@Suite struct FileTests {
    @Test(arguments: ["", "# nothing\n", "---\n", "~", "{}", "\n\n"])
    func emptyFilesSetNothing(_ yaml: String) throws {
        var settings = try load(yaml: yaml).settings
        settings.config = nil
        #expect(settings == Settings())
    }

    @Test func valuesOfAllKinds() throws {
        let settings = try load(
            yaml: """
                host: "::1"
                port: 9000
                basePath: '/x'
                maxMessageBytes: 64 KiB
                heartbeat: 30
                dedupeWindow: 1 h
                createOnJoin: no
                allowedOrigins:
                  - https://a.example
                  - null
                  - "*"
                """
        ).settings
        #expect(settings.host == "::1")
        #expect(settings.port == 9000)
        #expect(settings.basePath == "/x")
        #expect(settings.maxMessageBytes == 65536)
        #expect(settings.heartbeat == .seconds(30))
        #expect(settings.dedupeWindow == .seconds(3600))
        #expect(!settings.createOnJoin)
        #expect(settings.allowedOrigins == [.host(scheme: "https", host: "a.example", port: nil), .null, .any])
    }

    @Test(arguments: [
        (
            "a: 1\nport: 2",
            "a is no key of the configuration file (roost.yaml line 1); roost serve --help lists the options"
        ),
        ("\nprot: 1", "prot is no key of the configuration file (roost.yaml line 2); did you mean port?"),
        (
            "max-message-bytes: 1",
            "max-message-bytes is no key of the configuration file (roost.yaml line 1); did you mean maxMessageBytes?"
        ),
        (
            "config: other.yaml",
            "config is no key of the configuration file (roost.yaml line 1); "
                + "it can only be the flag --config or the variable ROOST_CONFIG"
        ),
        (
            "<<: {port: 1}",
            "<< is no key of the configuration file (roost.yaml line 1); roost serve --help lists the options"
        ),
        ("[a]: 1", "configuration file: a key must be a plain word, like port (roost.yaml line 1)"),
        ("port: [1, 2]", "port (roost.yaml line 1): must be 0 (a free port) to 65535, not this list"),
        ("port: {a: 1}", "port (roost.yaml line 1): must be 0 (a free port) to 65535, not a mapping"),
        ("host: 127.0.0.1\nport:", "port (roost.yaml line 2): must be 0 (a free port) to 65535; it has no value"),
        ("host: ~", "host (roost.yaml line 1): must be an IPv4 or IPv6 address or a host name; it has no value"),
        ("port: true", "port: true (roost.yaml line 1): must be 0 (a free port) to 65535"),
        ("port: 1.5", "port: 1.5 (roost.yaml line 1): must be 0 (a free port) to 65535"),
        ("createOnJoin: maybe", "createOnJoin: maybe (roost.yaml line 1): must be true or false"),
        (
            "allowedOrigins: null",
            #"allowedOrigins (roost.yaml line 1): is ambiguous: write ["null"] for the origin null, [] for none"#
        ),
        (
            "allowedOrigins: [[a]]",
            "allowedOrigins (roost.yaml line 1): must be scheme://host[:port], host[:port], null or *, "
                + "with commas between them, not this list"
        ),
        ("- port", "configuration file roost.yaml must map keys to values, like port: 8080"),
        ("port", "configuration file roost.yaml must map keys to values, like port: 8080"),
        ("port: 1\nport: 2", "configuration file roost.yaml: line 1: the key port stands there twice"),
        (
            "port: 1\n---\nport: 2",
            "configuration file roost.yaml: line 2: but found another document"
        ),
        ("port: 1\nhost: [", "configuration file roost.yaml: line 3: did not find expected node content"),
        (
            "port: 1\n\thost: x",
            "configuration file roost.yaml: line 2: found a tab character that violates indentation"
        ),
        ("host: *nowhere", "configuration file roost.yaml: line 1: found undefined alias"),
    ])
    func badFilesExit78(_ yaml: String, _ message: String) {
        expectError(78, message, yaml: yaml)
    }

    @Test func unreadableFile() {
        expectError(
            78, "configuration file no.yaml: the file can't be read: no such\\nfile", ["--config", "no.yaml"])
        expectError(78, #"--config "": must be the path of a file"#, ["--config="])
    }

    @Test func syntaxErrorsDontQuoteTheFile() {
        do {
            _ = try load(yaml: "bus: \"redis://u:hunter2@h\n")
            Issue.record("no error")
        } catch {
            #expect(!error.message.contains("hunter2"))
        }
    }

    @Test(arguments: ["[", "{a: ", "- ", "? "])
    func deepNestingIsRefused(_ opening: String) {
        #expect(throws: SettingsError.self) { try load(yaml: String(repeating: opening, count: 100_000)) }
    }

    @Test func aliasesOfAliasesAreRefused() {
        var yaml = "allowedOrigins:\n - &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            yaml += " - &a\(level) [\(aliases)]\n"
        }
        expectError(78, "allowedOrigins (roost.yaml line 1): must be made of at most 10000 values", yaml: yaml)
    }

    @Test func overriddenValuesAreCheckedToo() {
        expectError(
            78, "port: x (roost.yaml line 1): must be 0 (a free port) to 65535", ["--port=1"], yaml: "port: x")
        expectError(
            78, "ROOST_PORT=x: must be 0 (a free port) to 65535", ["--port=1"], ["ROOST_PORT": "x"])
    }
}
