import Testing

@testable import RoostSettings

@Suite struct OutputTests {
    @Test func namesAreDerivedFromOneSpelling() throws {
        let option = try #require(OptionTable.standard.options.first { $0.name == "max-message-bytes" })
        #expect(option.flag == "--max-message-bytes")
        #expect(option.variable == "ROOST_MAX_MESSAGE_BYTES")
        #expect(option.fileKey == "maxMessageBytes")
        #expect(option.fileVariable == nil)
        #expect(
            OptionTable.standard.options.compactMap(\.fileVariable) == [
                "ROOST_STORE_FILE", "ROOST_BUS_FILE", "ROOST_QUEUE_FILE", "ROOST_JWT_SECRET_FILE",
            ])
    }

    @Test func everyDefaultIsAllowed() throws {
        for option in OptionTable.standard.options {
            var settings = Settings()
            guard let value = option.write(settings) else { continue }
            try option.read(value, &settings)
            #expect(settings == Settings(), "\(option.name)")
        }
    }

    @Test func usageNamesEveryOption() {
        let usage = Settings.usage()
        for option in OptionTable.standard.options {
            #expect(usage.contains(option.isBoolean ? "--[no-]\(option.name)" : "\(option.flag) "))
            #expect(usage.contains(option.variable))
            #expect(
                usage.replacing("\n", with: " ").split(separator: " ").joined(separator: " ").contains(option.meaning))
        }
        for line in usage.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
        #expect(usage.hasSuffix("\n"))
        #expect(
            usage.contains(
                "  --port N                        port to listen on; 0 = a free port [default 8080, ROOST_PORT]\n"))
        #expect(usage.contains("  --log-format text|json"))
        #expect(usage.contains("where messages are kept: sqlite:PATH, memory: or dynamodb://REGION\n"))
        #expect(usage.contains("  --auth anonymous|jwt"))
        #expect(usage.contains("(HS256)\n"))
        #expect(usage.contains("sent away; 0 = all at once\n"))
        #expect(usage.contains("default sqlite:data/roost.db, ROOST_STORE or ROOST_STORE_FILE"))
    }

    @Test func printedDefaults() throws {
        let printed = try load().printed()
        #expect(printed.contains("\nhost: 127.0.0.1\nport: 8080\nbasePath: \"\"\nloops: 0\ndirectSends: true\n"))
        #expect(printed.contains("\nstore: sqlite:data/roost.db\nbus: \"local:\"\nqueue: \"none:\"\n"))
        #expect(printed.contains("\nauth: anonymous\nauthTimeout: 10s\nallowAnonymous: false\nallowedOrigins: []\n"))
        #expect(printed.contains("\nkinds: []\n"))
        #expect(printed.contains("\nrecentBytes: 67108864\n"))
        #expect(printed.contains("\n# Shutdown\ndrainDelay: 0\ndrainWindow: 20s\n"))
        #expect(printed.contains("\nheartbeat: 25s\nheartbeatTimeout: 10s\n"))
        #expect(printed.contains("\ndedupeWindow: 10m\n"))
        // Only the introduction and the titles are comments.
        #expect(printed.split(separator: "\n").allSatisfy { $0.hasPrefix("# ") || !$0.contains("#") })
    }

    @Test func printedOrigins() throws {
        let printed = try load(
            ["--port=9000", "--no-create-on-join"], ["ROOST_STORE_FILE": "f"], yaml: "\nheartbeat: 1500ms",
            files: ["f": "memory:"]
        ).printed()
        #expect(printed.contains("\nport: 9000  # --port\n"))
        #expect(printed.contains("\ncreateOnJoin: false  # --no-create-on-join\n"))
        #expect(printed.contains("\nstore: \"memory:\"  # ROOST_STORE_FILE\n"))
        #expect(printed.contains("\nheartbeat: 1500ms  # roost.yaml line 2\n"))
        #expect(printed.contains("\n# config: roost.yaml  # ROOST_CONFIG\n"))
    }

    @Test(arguments: [
        ["--allowed-origins", "https://a.example:1, null,*,[::1]:2", "--base-path", "/no"],
        ["--store", "sqlite:a \"b\" \\ # c: {d} ä\n\t'.db", "--host", "::1"],
        ["--store", "sqlite:null", "--dedupe-window", "1.5s", "--log-level", "error", "--no-create-on-join"],
        ["--allow-anonymous", "--host", "true", "--max-connections", "5"],
        ["--allow-anonymous", "--host", "null"], ["--store", "sqlite:a@b:c"], ["--store", "sqlite:x:"],
    ])
    func whatIsPrintedIsReadBack(_ arguments: [String]) throws {
        let loaded = try load(arguments)
        var again = try load(yaml: loaded.printed()).settings
        again.config = nil
        #expect(again == loaded.settings)
    }

    @Test(arguments: [
        ("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("prot", "port", 1),
        ("ca", "abc", 3), ("abcd", "acbd", 1), ("mesage", "message", 1),
    ])
    func distances(_ left: String, _ right: String, _ distance: Int) {
        #expect(editDistance(Array(left.utf8), Array(right.utf8)) == distance)
        #expect(editDistance(Array(right.utf8), Array(left.utf8)) == distance)
    }

    @Test func onlyWhatIsCloseIsSuggested() {
        let names = ["host", "port", "bus", "max-connections", "log-level", "log-format"]
        #expect(nearest(to: "LOG_LEVEL", among: names) == "log-level")
        #expect(nearest(to: "hosts", among: names) == "host")
        #expect(nearest(to: "max-conections", among: names) == "max-connections")
        #expect(nearest(to: "max", among: names) == "max-connections")
        #expect(nearest(to: "log", among: names) == nil)
        #expect(nearest(to: "xyz", among: names) == nil)
        #expect(nearest(to: "auth", among: names) == nil)
        #expect(nearest(to: "", among: names) == nil)
        #expect(nearest(to: String(repeating: "host", count: 1000), among: names) == nil)
    }
}
