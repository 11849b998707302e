import RoostCore
import RoostEngine
import Testing

@testable import RoostRedis

@Suite struct BoardFieldTests {
    /// A user's id may begin with what combines with the slash before it into one character.
    @Test(arguments: ["bob", "\u{301}bob", "\u{200D}", "\u{FE0F}x", "a/b", "/", "日本"])
    func aRowIsFoundWhoeverItIsOf(_ name: String) throws {
        let (node, user) = (NodeID(random: 7), try #require(UserID(name)))
        let fields = [
            (BoardField.version(of: node), Array("12".utf8)), (BoardField.row(user, of: node), [1, 2]),
        ].flatMap { [RespValue.bytes(Array($0.0.utf8)), .bytes($0.1)] }
        let page = BoardField.page(fields)
        #expect(page.parts == [node: BoardPage.Part(version: 12, rows: [user: [1, 2]])])
    }
}
