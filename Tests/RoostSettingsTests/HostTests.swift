import Testing

@testable import RoostSettings

@Suite struct HostTests {
    @Test(arguments: ["127.0.0.1", "127.255.1.2", "::1", "[::1]", "0:0:0:0:0:0:0:1", "localhost", "LocalHost"])
    func loopback(_ host: String) throws {
        let settings = try load(["--host", host]).settings
        #expect(settings.bindsLoopbackOnly)
        #expect(!settings.host.contains("["))
    }

    @Test(arguments: [
        "0.0.0.0", "::", "[::]", "10.0.0.1", "128.0.0.1", "example.org", "localhost.example.org", "fe80::1%eth0",
        "::ffff:127.0.0.1", "roost_1",
    ])
    func beyondLoopbackNeedsConsent(_ host: String) throws {
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        expectError(
            78,
            "--host \(bare): must be a loopback address (127.0.0.0/8, ::1 or localhost) unless --auth is jwt, "
                + "which asks everybody for a token, or --allow-anonymous is on, which lets anybody in without one",
            ["--host", host])
        let secret = String(repeating: "s", count: 32)
        #expect(try load(["--host", host, "--auth", "jwt", "--jwt-secret", secret]).settings.host == bare)
        let settings = try load(["--host", host, "--allow-anonymous"]).settings
        #expect(!settings.bindsLoopbackOnly)
        #expect(settings.host == bare)
    }

    @Test func theMessageNamesTheKeysAsTheyWereWritten() {
        let end = "is on, which lets anybody in without one"
        let rule = "must be a loopback address (127.0.0.0/8, ::1 or localhost) unless"
        let means = "is jwt, which asks everybody for a token, or"
        expectError(
            78, "ROOST_HOST 0.0.0.0: \(rule) --auth \(means) --allow-anonymous \(end)", [], ["ROOST_HOST": "0.0.0.0"])
        expectError(
            78,
            "host (roost.yaml line 2) 0.0.0.0: \(rule) ROOST_AUTH \(means) allowAnonymous (roost.yaml line 1) \(end)",
            [], ["ROOST_AUTH": "anonymous"], yaml: "allowAnonymous: false\nhost: 0.0.0.0")
        expectError(
            78, "host (roost.yaml line 1) ::: \(rule) --auth \(means) --no-allow-anonymous \(end)",
            ["--no-allow-anonymous"], yaml: "host: '::'")
    }

    @Test func theConformanceEndpointStaysOnThisMachine() throws {
        #expect(try load(["--conformance"]).settings.conformance)
        #expect(try load(["--conformance", "--host", "::1"]).settings.bindsLoopbackOnly)
        let rule = "must be a loopback address (127.0.0.0/8, ::1 or localhost) while"
        let means = "is on, whose /echo asks for no token and knows no rate limit; leave one of the two out"
        // Whatever would open the node otherwise.
        expectError(
            78, "--host 0.0.0.0: \(rule) --conformance \(means)",
            ["--host", "0.0.0.0", "--conformance", "--allow-anonymous"])
        expectError(
            78, "ROOST_HOST example.org: \(rule) conformance (roost.yaml line 1) \(means)", [],
            ["ROOST_HOST": "example.org"], yaml: "conformance: true")
    }

    @Test(arguments: [
        "", " ", "a b", "1.2.3", "1.2.3.4.5", "256.1.1.1", "127.0.0.01", "8080", "a..b", ".a", "a.", "-a",
        "[127.0.0.1]",
        "a/b", "ä.example",
    ])
    func badHosts(_ host: String) {
        expectError(
            78, "--host \(shown(host)): must be an IPv4 or IPv6 address or a host name", ["--host", host])
    }

    @Test(arguments: ["localhost:8080", "http://localhost", "127.0.0.1:80", "[::1]:80", "[::1"])
    func hostsWithMore(_ host: String) {
        expectError(
            78, "--host \(host): must be only an address or a host name; the port is an option of its own",
            ["--host", host])
    }

    @Test(
        arguments: [
            ("*", .any), ("null", .null), ("a.example", .host(scheme: nil, host: "a.example", port: nil)),
            ("A.Example:81", .host(scheme: nil, host: "a.example", port: 81)),
            ("https://a.example", .host(scheme: "https", host: "a.example", port: nil)),
            ("HTTP://localhost:3000", .host(scheme: "http", host: "localhost", port: 3000)),
            ("http://[::1]:3000", .host(scheme: "http", host: "[::1]", port: 3000)),
            ("[::1]", .host(scheme: nil, host: "[::1]", port: nil)),
            ("chrome-extension://abc", .host(scheme: "chrome-extension", host: "abc", port: nil)),
        ] as [(String, AllowedOrigin)])
    func origins(_ text: String, _ origin: AllowedOrigin) throws {
        #expect(AllowedOrigin(text) == origin)
        #expect(AllowedOrigin(origin.description) == origin)
        #expect(try load(["--allowed-origins", text]).settings.allowedOrigins == [origin])
    }

    @Test(arguments: [
        "https://a.example/", "https://a.example/x", "https://", "://a", "a:0", "a:65536", "a:x", "a:", "*.example",
        "::1",
        "wss://a.example", "https://u:p@a.example", "1x://a", "NULL", "a b",
    ])
    func badOrigins(_ text: String) {
        #expect(AllowedOrigin(text) == nil)
        expectError(
            78,
            "--allowed-origins \(shown("b.example, " + text)): \(shown(text)) must be scheme://host[:port], host[:port], "
                + "null or *", ["--allowed-origins", "b.example, " + text])
    }

    @Test func originLists() throws {
        let both: [AllowedOrigin] = [.host(scheme: "https", host: "a", port: nil), .null]
        #expect(try load(["--allowed-origins", "https://a, null"]).settings.allowedOrigins == both)
        #expect(try load(yaml: "allowedOrigins: https://a,null").settings.allowedOrigins == both)
        #expect(try load(yaml: "allowedOrigins: [https://a, 'null']").settings.allowedOrigins == both)
        #expect(try load(["--allowed-origins="], yaml: "allowedOrigins: a").settings.allowedOrigins == [])
        #expect(try load(yaml: "allowedOrigins: []").settings.allowedOrigins == [])
        #expect(throws: SettingsError.self) { try load(["--allowed-origins", "a,,b"]) }
        #expect(throws: SettingsError.self) { try load(["--allowed-origins", "a,"]) }
    }

    @Test(arguments: [
        ("*", "https://x.example", true), ("*", "null", true), ("*", "rubbish rubbish", false), ("*", "", false),
        ("null", "null", true), ("null", "https://null", false), ("a.example", "null", false),
        ("a.example", "https://a.example", true), ("a.example", "http://a.example", true),
        ("a.example", "https://a.example:443", true), ("a.example", "https://a.example:8443", false),
        ("a.example:8443", "https://a.example:8443", true), ("a.example:443", "https://a.example", true),
        ("a.example", "https://b.a.example", false), ("a.example", "https://a.example.evil", false),
        ("https://a.example", "http://a.example", false), ("https://a.example", "https://A.EXAMPLE", true),
        ("https://a.example:443", "https://a.example", true), ("http://localhost:3000", "http://localhost", false),
        ("app://x", "app://x", true), ("a.example", "a.example", false), ("a.example", "*", false),
        ("a.example", "https://a.example/x", false),
    ])
    func admission(_ entry: String, _ header: String, _ admitted: Bool) throws {
        #expect(try #require(AllowedOrigin(entry)).admits(originHeader: header) == admitted)
    }
}
