import Testing

@testable import RoostSettings

@Suite struct KindTests {
    private static let all: KindSetting = {
        var kind = KindSetting(match: "game:*")
        kind.log = .memory
        kind.retainCount = 1000
        kind.retainAge = .seconds(86_400)
        kind.presence = .off
        kind.receipts = true
        kind.createOnJoin = false
        kind.publish = .servers
        kind.history = .none
        return kind
    }()

    private static let allText =
        #"{"match": "game:*", "log": "memory", "retainCount": 1000, "retainAge": "24h", "presence": "off", "#
        + #""receipts": true, "createOnJoin": false, "publish": "servers", "history": "none"}"#

    @Test func everyKey() throws {
        let inFile = try load(
            yaml: """
                kinds:
                  - match: game:*
                    log: memory
                    retainCount: 1000
                    retainAge: 24h
                    presence: off
                    receipts: yes
                    createOnJoin: no
                    publish: servers
                    history: none
                  - {match: "*"}
                """)
        #expect(inFile.settings.kinds == [Self.all, KindSetting(match: "*")])
        let text = "[\(Self.allText), {match: '*'}]"
        #expect(try load(["--kinds", text]).settings.kinds == inFile.settings.kinds)
        #expect(try load([], ["ROOST_KINDS": text]).settings.kinds == inFile.settings.kinds)
        #expect(try load([], ["ROOST_KINDS": "- match: a\n- match: b\n"]).settings.kinds.map(\.match) == ["a", "b"])
    }

    @Test(arguments: ["[]", "", " [ ] "])
    func none(_ text: String) throws {
        #expect(try load(["--kinds=\(text)"], yaml: "kinds: [{match: a}]").settings.kinds.isEmpty)
    }

    @Test func whatIsPrintedIsReadBack() throws {
        let loaded = try load([
            "--kinds", "[\(Self.allText), {match: a, retainAge: 200ms, createOnJoin: true}, {match: '*'}]",
        ])
        let line =
            "\nkinds: [{match: \"game:*\", log: memory, retainCount: 1000, retainAge: 1d, presence: \"off\", "
            + "receipts: true, createOnJoin: false, publish: servers, history: none}, "
            + "{match: a, retainAge: 200ms, createOnJoin: true}, {match: \"*\"}]  # --kinds\n"
        #expect(loaded.printed().contains(line))
        var again = try load(yaml: loaded.printed()).settings
        again.config = nil
        #expect(again == loaded.settings)
    }

    @Test func offIsFalseToSomeTools() throws {
        #expect(try load(yaml: "kinds: [{match: a, presence: false}]").settings.kinds.map(\.presence) == [.off])
    }

    private static let shape = #"must be a list of mappings, such as [{match: "game:*", retainCount: 1000}]"#
    private static let keys =
        "match, log, retainCount, retainAge, presence, receipts, createOnJoin, publish or history"

    @Test(arguments: [
        ("{match: a}", "\(shape), not a mapping"), ("", "\(shape); it has no value"),
        ("[a]", #"entry 1 must be a mapping, such as {match: "game:*", retainCount: 1000}"#),
        ("[{match: a}, {log: stored}]", #"entry 2 has no match, which names its rooms, such as match: "game:*""#),
        (
            "[{match: a, retain-cont: 5}]",
            "entry 1 has retain-cont, which is no key of a kind; it may have \(keys); did you mean retainCount?"
        ),
        ("[{match: a, zzz: 5}]", "entry 1 has zzz, which is no key of a kind; it may have \(keys)"),
        ("[{match: a b}]", #"entry 1 has match: "a b", which must be 1 to 256 of A-Z a-z 0-9 _ . : - and *"#),
        ("[{match: }]", "entry 1 has match without a value, which must be 1 to 256 of A-Z a-z 0-9 _ . : - and *"),
        (
            "[{match: a, log: store}]",
            "entry 1 has log: store, which must be stored or memory; did you mean stored?"
        ),
        ("[{match: a, presence: some}]", "entry 1 has presence: some, which must be full, count or off"),
        ("[{match: a, publish: [servers]}]", "entry 1 has publish with a list, which must be members or servers"),
        ("[{match: a, history: {}}]", "entry 1 has history with a mapping, which must be members or none"),
        ("[{match: a, receipts: perhaps}]", "entry 1 has receipts: perhaps, which must be true or false"),
        ("[{match: a, createOnJoin: 2}]", "entry 1 has createOnJoin: 2, which must be true or false"),
        ("[{match: a, retainCount: -1}]", "entry 1 has retainCount: -1, which must be 0 (off) or 1 to 1000000000"),
        (
            "[{match: a, retainAge: 5w}]",
            "entry 1 has retainAge: 5w, which must be 0 (off) or 10ms to 36500d, such as 200ms, 10s, 10m or 1h"
        ),
    ])
    func badKinds(_ yaml: String, _ message: String) {
        expectError(78, "kinds (roost.yaml line 1): \(message)", yaml: "kinds: \(yaml)")
    }

    @Test func badTexts() {
        expectError(78, "--kinds game: \(Self.shape)", ["--kinds", "game"])
        expectError(
            78, "ROOST_KINDS={match: a}: \(Self.shape)".replacing("{match: a}", with: #""{match: a}""#), [],
            ["ROOST_KINDS": "{match: a}"])
        expectError(
            78, "--kinds [{: is no list in YAML or JSON: line 2: did not find expected node content", ["--kinds", "[{"])
        expectError(
            78,
            #"--kinds "[{match: a, match: b}]": is no list in YAML or JSON: line 1: the key match stands there twice"#,
            ["--kinds", "[{match: a, match: b}]"])
        let long = String(repeating: "a", count: 257)
        expectError(
            78,
            "kinds (roost.yaml line 1): entry 1 has match: \(long.prefix(80))…, which must be 1 to 256 of "
                + "A-Z a-z 0-9 _ . : - and *", yaml: "kinds: [{match: \(long)}]")
    }
}
