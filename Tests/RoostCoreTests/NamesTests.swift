import RoostCore
import Testing

@Suite struct NamesTests {
    static let legalEverywhere = [
        "a", "7", "_", ".", ":", "-", "A_z.0:9-", "user:alice", String(repeating: "x", count: 128),
    ]

    @Test(arguments: legalEverywhere)
    func aRoomNameIsOneTo128BytesOfItsAlphabet(_ text: String) {
        #expect(RoomName(text)?.text == text)
        #expect(RoomName(text)?.description == text)
    }

    @Test(arguments: [
        "", String(repeating: "x", count: 129), " ", "a b", "a\n", "\0", "a\0", "a/b", "#a", "a,b", "é", "ａ",
        "a\u{301}",
        "user@x", "@", "[", "`", "{", "/", ";", "a\u{7F}", "🐦",
    ])
    func anythingElseIsNoRoomName(_ text: String) {
        #expect(RoomName(text) == nil)
    }

    @Test func exactlyTheAlphabetIsAllowedOfAllBytes() {
        let allowed = (UInt8(0)...127).filter { RoomName(String(Unicode.Scalar($0))) != nil }
        #expect(
            String(decoding: allowed, as: UTF8.self)
                == "-.0123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
    }

    @Test(arguments: [
        ("user:alice", "alice"), ("user:a:b", "a:b"), ("user:user:a", "user:a"), ("User:alice", nil),
        ("users:alice", nil),
        ("user", nil), ("auser:alice", nil), ("general", nil),
    ])
    func aPersonalRoomNamesItsOwner(_ name: String, _ owner: String?) {
        #expect(room(name).owner?.text == owner)
    }

    @Test func theStandingRoomsAreThree() {
        #expect(RoomName.standing.map(\.text) == ["general", "support", "random"])
    }

    @Test func roomsAndUsersSortByTheirText() {
        #expect(["b", "a.2", "a", "B"].map(room).sorted().map(\.text) == ["B", "a", "a.2", "b"])
        #expect(["b", "a 2", "a", "B"].map(user).sorted().map(\.text) == ["B", "a", "a 2", "b"])
    }

    @Test(arguments: [" ", "a", "Ann Lee", "é", "🐦", "\"", "\\", "~", String(repeating: "é", count: 64)])
    func usersAndMessageIDsAreOneTo128BytesOfAnyPlainText(_ text: String) {
        #expect(UserID(text)?.text == text)
        #expect(MessageID(text)?.text == text)
        #expect(UserID(text)?.description == text)
        #expect(MessageID(text)?.description == text)
    }

    @Test(arguments: [
        "", String(repeating: "x", count: 129), String(repeating: "é", count: 65), "\0", "a\nb", "\r\n", "\t", "\u{1F}",
        "\u{7F}",
    ])
    func emptyLongOrControlCharactersAreNoUserOrMessageID(_ text: String) {
        #expect(UserID(text) == nil)
        #expect(MessageID(text) == nil)
    }

    @Test func printableCountsBytesNotCharacters() {
        #expect(isPrintable("éé", upTo: 4))
        #expect(!isPrintable("éé", upTo: 3))
        #expect(!isPrintable("", upTo: 3))
        #expect(isPrintable("x", upTo: 1))
    }

    @Test func namesMayBeMadeOfPartsOfTexts() {
        let text = "GET general HTTP"
        #expect(RoomName(text.dropFirst(4).prefix(7)) == .general)
        #expect(UserID(text.prefix(3))?.text == "GET")
        #expect(MessageID(text.suffix(4))?.text == "HTTP")
    }
}
