import Testing

@testable import RoostSettings

@Suite struct ValueTests {
    @Test(
        arguments: [
            ("200ms", 200), ("10s", 10_000), ("10 s", 10_000), ("10", 10_000), ("0", 0), ("10m", 600_000),
            ("10min", 600_000), ("10 min", 600_000), ("1h", 3_600_000), ("2d", 172_800_000), ("1.5s", 1500),
            ("0.5", 500), ("0.25 h", 900_000), ("10S", 10_000), ("1.000s", 1000), ("007s", 7000),
            ("", nil), (" ", nil), ("s", nil), ("-1s", nil), ("+1s", nil), ("1 ", nil), (" 1", nil), ("1  s", nil),
            ("1.s", nil), (".5s", nil), ("1.5ms", nil), ("1.2.3s", nil), ("1e3", nil), ("1w", nil), ("1m30s", nil),
            ("٣s", nil), ("99999999999999999999s", nil), ("9223372036854775807h", nil), ("1.9999999s", nil),
        ] as [(String, Int?)])
    func durations(_ text: String, _ milliseconds: Int?) {
        #expect(parsedDuration(text) == milliseconds.map { .milliseconds($0) })
    }

    @Test(arguments: [0, 1, 999, 1000, 1001, 60_000, 90_000, 3_600_000, 86_400_000, 2_592_000_000])
    func durationsAreWrittenAsTheyAreRead(_ milliseconds: Int) {
        #expect(parsedDuration(durationText(.milliseconds(milliseconds))) == .milliseconds(milliseconds))
    }

    @Test(
        arguments: [
            ("0", 0), ("65536", 65536), ("1B", 1), ("64KiB", 65536), ("64 KiB", 65536), ("64kib", 65536),
            ("64MiB", 67_108_864), ("64 MiB", 67_108_864), ("1GiB", 1_073_741_824),
            ("", nil), ("KiB", nil), ("1KB", nil), ("1MB", nil), ("1k", nil), ("1.5MiB", nil), ("-1", nil),
            ("0x10", nil),
            ("1_000", nil), ("1 ", nil), ("9223372036854775808", nil), ("9223372036854775807GiB", nil),
        ] as [(String, Int?)])
    func sizes(_ text: String, _ bytes: Int?) {
        #expect(parsedBytes(text) == bytes)
    }

    @Test func limitsOfEveryOption() throws {
        // (option, least, most, may it be 0): what lies beyond is refused.
        let table: [(String, Int, Int, Bool)] = [
            ("port", 1, 65_535, true), ("loops", 1, 1024, true), ("max-rooms-per-connection", 1, 100_000, true),
            ("max-history", 1, 100_000, true), ("max-message-bytes", 1, 1_073_741_824, true),
            ("rate-limit-messages", 1, 1_000_000, true), ("rate-limit-burst", 1, 1_000_000, true),
            ("rate-limit-connects", 1, 1_000_000, true), ("rate-limit-connects-burst", 1, 1_000_000, true),
            ("max-unsent-bytes", 1, 1_073_741_824, true), ("max-connections", 1, 10_000_000, true),
            ("max-head-bytes", 256, 16_777_216, true), ("max-body-bytes", 1, 1_073_741_824, true),
            ("recent-bytes", 1, 1_099_511_627_776, true),
        ]
        for (name, least, most, zero) in table {
            for good in [least, most] + (zero ? [0] : []) {
                let settings = try load(["--\(name)=\(good)"]).settings
                let option = try #require(OptionTable.standard.options.first { $0.name == name })
                #expect(option.value(in: settings) == "\(good)")
            }
            let bad = [least - 1, most + 1].filter { $0 != 0 || !zero }
            for text in bad.map(String.init) + ["-1", "", "x", "1.5", "99999999999999999999"] {
                #expect(throws: SettingsError.self, "\(name) \(text)") { try load(["--\(name)=\(text)"]) }
            }
        }
    }

    @Test(arguments: [
        ("heartbeat", "10ms", "1h", "9ms", "61m"), ("heartbeat-timeout", "10ms", "1h", "9ms", "61m"),
        ("dedupe-window", "100ms", "30d", "99ms", "31d"), ("auth-timeout", "10ms", "10m", "9ms", "11m"),
        ("session-life", "1s", "30d", "999ms", "31d"), ("drain-delay", "10ms", "10m", "9ms", "11m"),
        ("drain-window", "10ms", "1h", "9ms", "61m"),
    ])
    func limitsOfDurations(_ name: String, _ least: String, _ most: String, _ below: String, _ above: String) throws {
        for good in [least, most, "0"] { _ = try load(["--\(name)=\(good)"]) }
        for bad in [below, above, "-1s", ""] {
            #expect(throws: SettingsError.self, "\(name) \(bad)") { try load(["--\(name)=\(bad)"]) }
        }
    }

    @Test func messagesSayWhatIsAllowed() {
        expectError(
            78, "--heartbeat 1x: must be 0 (off) or 10ms to 1h, such as 200ms, 10s, 10m or 1h", ["--heartbeat", "1x"])
        expectError(
            78, "--drain-window x: must be 0 (all at once) or 10ms to 1h, such as 200ms, 10s, 10m or 1h",
            ["--drain-window", "x"])
        expectError(
            78,
            "--max-message-bytes 1KB: must be 0 (off) or 1 to 1073741824 bytes, such as 65536, 64KiB or 1MiB",
            ["--max-message-bytes", "1KB"])
        expectError(
            78,
            "--log-level warn: must be trace, debug, info, notice, warning, error or critical; did you mean warning?",
            ["--log-level", "warn"])
        expectError(78, "--log-format jsn: must be text or json; did you mean json?", ["--log-format", "jsn"])
        expectError(
            78, "--port \"\(String(repeating: "9 ", count: 40))…\": must be 0 (a free port) to 65535",
            [
                "--port", String(repeating: "9 ", count: 500),
            ])
    }

    @Test(arguments: ["true", "TRUE", "yes", "on", "1"])
    func truths(_ text: String) throws {
        #expect(try load(["--allow-anonymous=\(text)"]).settings.allowAnonymous)
    }

    @Test(arguments: ["false", "False", "no", "off", "0"])
    func falsehoods(_ text: String) throws {
        #expect(try !load(["--create-on-join=\(text)"]).settings.createOnJoin)
    }

    @Test(arguments: ["", "2", "y", "tru", " true"])
    func noBooleans(_ text: String) {
        #expect(throws: SettingsError.self) { try load(["--create-on-join=\(text)"]) }
    }

    @Test(arguments: ["", "/a", "/a/b", "/a-b_c.d~e", "/realtime/v1"])
    func basePaths(_ text: String) throws {
        #expect(try load(["--base-path", text]).settings.basePath == text)
    }

    @Test(arguments: [
        "/", "a", "/a/", "//", "/a//b", "/a b", "/ä", "/a?b", "/a#b", "/..", "/a/./b", "/%20", "http://h/a",
    ])
    func badBasePaths(_ text: String) {
        expectError(
            78, "--base-path \(shown(text)): must be empty or a path like /realtime, from / and without / at its end",
            ["--base-path", text])
    }
}

@Suite struct PlaneTests {
    @Test(
        arguments: [
            ("http", [.http]), ("websocket", [.websocket]), ("http,websocket", [.http, .websocket]),
            ("websocket, http", [.http, .websocket]),
        ] as [(String, Set<Plane>)])
    func good(_ text: String, _ planes: Set<Plane>) throws {
        #expect(try load(["--planes", text]).settings.planes == planes)
        #expect(try load(yaml: "planes: [\(text)]").settings.planes == planes)
        #expect(try load(yaml: try load(["--planes", text]).printed()).settings.planes == planes)
    }

    @Test(
        arguments: [
            ("", "must be http, websocket or http,websocket"), ("http,", "must be http, websocket or http,websocket"),
            ("htpp", "must be http, websocket or http,websocket; did you mean http?"), ("http,http", "has http twice"),
        ])
    func bad(_ text: String, _ clause: String) {
        do throws(SettingsError) {
            _ = try load(["--planes", text])
            Issue.record("no error for \(text)")
        } catch {
            #expect(error.message.contains("--planes") && error.message.contains(clause), "\(error.message)")
        }
    }
}
