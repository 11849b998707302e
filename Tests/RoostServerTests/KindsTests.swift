import RoostCore
import RoostSettings
import Testing

@testable import RoostServer

@Suite struct KindsTests {
    private func loaded(_ text: String) throws -> [KindSetting] {
        try Settings.load(arguments: ["--kinds", text], environment: [:], readFile: { _ in "" }).settings.kinds
    }

    @Test func whatIsNotSaidIsAsUsual() throws {
        let kinds = try Kinds(loaded("[{match: 'game:*'}]"))
        #expect(kinds.rules.map(\.match) == [try #require(RoomPattern("game:*"))])
        #expect(kinds.rules.map(\.kind) == [RoomKind()])
        #expect(try Kinds([]) == Kinds())
    }

    @Test func everyKey() throws {
        let text =
            "{match: a, log: memory, retainCount: 10, retainAge: 24h, presence: count, receipts: true, "
            + "createOnJoin: false, publish: servers, history: none}"
        var kind = RoomKind()
        kind.log = .memory
        kind.retainCount = 10
        kind.retainAgeMs = 86_400_000
        kind.presence = .count
        kind.receipts = true
        kind.createOnJoin = false
        kind.publish = .servers
        kind.history = .none
        #expect(try Kinds(loaded("[\(text)]")).rules.map(\.kind) == [kind])
    }

    @Test func zeroIsNoLimit() throws {
        let kind = try #require(try Kinds(loaded("[{match: a, retainCount: 0, retainAge: 0}]")).rules.first?.kind)
        #expect(kind.retainsAll)
    }

    /// Settings and rules each have their own idea of a pattern; what the former take, the latter must.
    @Test(arguments: ["*", "a", "AZaz09_.:-*", "user:*", "**", String(repeating: "a", count: 256)])
    func patternsOfTheSettingsArePatterns(_ text: String) throws {
        #expect(try Kinds(loaded("[{match: \"\(text)\"}]")).rules.map(\.match.text) == [text])
    }

    @Test(arguments: ["", "a b", "ä", "a/b", "a?", String(repeating: "a", count: 257)])
    func whatIsNoPatternIsRefused(_ text: String) {
        #expect(throws: SettingsError.self) { try loaded("[{match: \"\(text)\"}]") }
        #expect(throws: StartError.self) { try Kinds([KindSetting(match: text)]) }
    }
}
