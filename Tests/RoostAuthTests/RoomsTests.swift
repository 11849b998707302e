import RoostAuth
import RoostCore
import Testing

@Suite struct RoomsTests {
    private func grants(_ rooms: String) async throws -> Grants {
        try await verify(token(#"{"sub":"alice","rooms":\#(rooms)}"#)).grants
    }

    @Test func withoutTheClaimAllButModeration() async throws {
        let grants = try await verify(token(#"{"sub":"alice"}"#)).grants
        #expect(grants == .all)
        #expect(grants.allows(.publish, in: .general))
        #expect(!grants.allows(.moderate, in: .general))
    }

    @Test func patterns() async throws {
        let usual = try await grants(#"["team-*","news"]"#)
        #expect(usual == Grants([try entry("team-*"), try entry("news")]))
        #expect(!usual.allows(.join, in: .general))
        #expect(try await grants("[]") == Grants([]))
        #expect(try await grants(#"["team\u002d*"]"#) == Grants([entry("team-*")]))
    }

    @Test func mapsWithMatchAndCan() async throws {
        let mixed = try await grants(
            #"[{"match":"team-*","can":["join","publish"]}, {"can":["moderate"],"match":"*"}, {"match":"a"}, "b"]"#)
        #expect(
            mixed
                == Grants([
                    try entry("team-*", [.join, .publish]), try entry("*", [.moderate]), try entry("a"), try entry("b"),
                ]))
        #expect(try await grants(#"[{"match":"a","can":[]}]"#) == Grants([entry("a", [])]))
    }

    @Test func mapsOfPatterns() async throws {
        let map = try await grants(#"{"team-*":["join","publish","join"], "news" : [ "history" ], "x":[]}"#)
        #expect(
            map == Grants([try entry("team-*", [.join, .publish]), try entry("news", [.history]), try entry("x", [])]))
        #expect(try await grants("{}") == Grants([]))
        let all = #"{"*":["join","publish","history","presence","moderate"]}"#
        #expect(try await grants(all) == Grants([entry("*", Set(Right.allCases))]))
    }

    private static let all = "join, publish, history, presence, moderate"

    @Test(arguments: [
        (#"null"#, "The token's rooms must be a list of patterns, or a map of patterns to rights."),
        (#""*""#, "The token's rooms must be a list of patterns, or a map of patterns to rights."),
        (#"true"#, "The token's rooms must be a list of patterns, or a map of patterns to rights."),
        (#"[7]"#, "The token's rooms must be patterns such as team-*, or maps with match and can."),
        (#"[["a"]]"#, "The token's rooms must be patterns such as team-*, or maps with match and can."),
        (#"["a b"]"#, #"The token's rooms name "a b", which is no pattern of A-Z a-z 0-9 _ . : - and *."#),
        (#"[""]"#, #"The token's rooms name "", which is no pattern of A-Z a-z 0-9 _ . : - and *."#),
        (#"[{"match":5}]"#, #"The token's rooms name "", which is no pattern of A-Z a-z 0-9 _ . : - and *."#),
        (#"{"é":["join"]}"#, #"The token's rooms name "é", which is no pattern of A-Z a-z 0-9 _ . : - and *."#),
        (#"[{"can":["join"]}]"#, "The token's rooms have an entry without match, the pattern of its rooms."),
        (#"[{"match":"a","cans":[]}]"#, "The token's rooms have the key cans; there are match and can."),
        (#"[{"match":"a","can":["fly"]}]"#, #"The token names the right "fly"; there are \#(all)."#),
        (#"{"a":["Join"]}"#, #"The token names the right "Join"; there are \#(all)."#),
        (#"{"a":[null]}"#, #"The token names the right ""; there are \#(all)."#),
        (#"{"a":"join"}"#, "The token's rights in rooms must be a list of \(all)."),
        (#"{"a":null}"#, "The token's rights in rooms must be a list of \(all)."),
        (#"[{"match":"a","can":"join"}]"#, "The token's rights in rooms must be a list of \(all)."),
    ])
    func whatIsNotUnderstoodIsRefused(_ rooms: String, _ reason: String) async {
        await expectBad(token(#"{"sub":"alice","rooms":\#(rooms)}"#), reason)
    }

    @Test func longPatternsAreCutInReasons() async {
        await expectBad(
            token(#"{"sub":"a","rooms":["\#(String(repeating: "€", count: 500))"]}"#),
            #"The token's rooms name "€€€€€€€€€€…", which is no pattern of A-Z a-z 0-9 _ . : - and *."#)
        let long = String(repeating: "é", count: 500)
        await expectBad(
            token(#"{"sub":"a","rooms":["\#(long)"]}"#),
            #"The token's rooms name "éééééééééééééééé…", which is no pattern of A-Z a-z 0-9 _ . : - and *."#)
    }
}
