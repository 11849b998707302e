import RoostCore
import RoostEngine

/// What everything is called in Redis. All names begin with `roost:` and the number of the database, since channels
/// know no databases.
///
/// A name is a key of its own, so that in a cluster every script touches one slot; the two keys of the leases share
/// theirs by braces.
struct Keys: Sendable {
    private let prefix: String
    private let roomPrefix: [UInt8]
    private let everyone: [UInt8]

    init(database: Int) {
        prefix = "roost:\(database):"
        roomPrefix = Array("\(prefix)room:".utf8)
        everyone = Array("\(prefix)everyone".utf8)
    }

    func channel(_ channel: BusChannel) -> String {
        switch channel {
        case .everyone: prefix + "everyone"
        case .room(let room): prefix + "room:" + room.text
        }
    }

    /// The channel of that name; nil: it is none of ours.
    func channel(named name: [UInt8]) -> BusChannel? {
        if name == everyone { return .everyone }
        guard name.starts(with: roomPrefix) else { return nil }
        return RoomName(String(decoding: name[roomPrefix.count...], as: UTF8.self)).map(BusChannel.room)
    }

    func board(_ board: BoardName) -> String {
        switch board {
        case .members(let room): prefix + "members:" + room.text
        case .connections(let user): prefix + "connections:" + user.text
        }
    }

    func session(_ session: String) -> String { prefix + "session:" + session }
    func quota(_ bucket: String) -> String { prefix + "quota:" + bucket }

    var leases: String { prefix + "{leases}:until" }
    var cards: String { prefix + "{leases}:cards" }

    /// Written to see whether it can be.
    var check: String { prefix + "{check}:key" }
    var checkChannel: String { prefix + "{check}:channel" }
}

/// The fields of a board: `NODE/USER` has a row, `NODE/` the version.
enum BoardField {
    static func row(_ user: UserID, of node: NodeID) -> String { "\(node.text)/\(user.text)" }
    static func version(of node: NodeID) -> String { "\(node.text)/" }

    /// A board as `HGETALL` answers it. What is none of ours is passed over.
    static func page(_ fields: [RespValue]) -> BoardPage {
        var page = BoardPage()
        for index in stride(from: 0, to: fields.count - 1, by: 2) {
            guard let field = fields[index].string, case .bytes(let value) = fields[index + 1],
                // By bytes: what a user's id begins with may combine with the slash into one character.
                let slash = field.utf8.firstIndex(of: UInt8(ascii: "/")), let node = NodeID(String(field[..<slash]))
            else { continue }
            let user = field[field.utf8.index(after: slash)...]
            if user.isEmpty {
                page.parts[node, default: .init(version: 0)].version =
                    UInt64(String(decoding: value, as: UTF8.self)) ?? 0
            } else if let user = UserID(user) {
                page.parts[node, default: .init(version: 0)].rows[user] = value
            }
        }
        return page
    }
}

extension NodeCard {
    /// As the cards' hash has it, under the node's id: the name's length, the name, the store.
    var redisText: String { "\(name.utf8.count):\(name)\(storeID)" }

    init?(node: String, redisText: [UInt8]) {
        guard let node = NodeID(node), let colon = redisText.firstIndex(of: UInt8(ascii: ":")),
            let length = Int(String(decoding: redisText[..<colon], as: UTF8.self)), length >= 0,
            length <= redisText.count - colon - 1
        else { return nil }
        let rest = redisText[(colon + 1)...]
        self.init(
            node: node, name: String(decoding: rest.prefix(length), as: UTF8.self),
            storeID: String(decoding: rest.dropFirst(length), as: UTF8.self))
    }
}
