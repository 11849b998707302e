import Testing

@testable import RoostServer

@Suite("The cookie of a session")
struct SessionsTests {
    private let id = "0123456789abcdef0123456789abcdef"

    @Test func theFirstThatCanBeOneIsTaken() {
        #expect(Sessions.claimed(in: ["roost_session=\(id)"]) == id)
        #expect(Sessions.claimed(in: ["a=b; roost_session=\(id);c=d"]) == id)
        #expect(Sessions.claimed(in: ["a=b", "c=d;roost_session=\(id)"]) == id)
        #expect(Sessions.claimed(in: ["roost_session=x; roost_session=\(id)"]) == id)
    }

    @Test func whatIsIllFormedIsNone() {
        let bad = [
            "", "roost_session", "roost_session=", "xroost_session=\(id)", "roost_session=\(id)0",
            "roost_session=\(id.dropLast())", "roost_session=\(id.uppercased())", "roost_session=\"\(id)\"",
            "roost_session=\(id.dropLast())\u{e9}", "roost_session =\(id)",
        ]
        for header in bad { #expect(Sessions.claimed(in: [header]) == nil, "\(header)") }
        #expect(Sessions.claimed(in: []) == nil)
    }
}
