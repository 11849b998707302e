import NIOCore
import RoostCore

/// A client, as the world sees it: one of two kinds.
protocol SimGuest: AnyObject, Sendable {
    var name: String { get }
    var user: UserID { get }
    var stage: Stage { get }
    var dice: Dice { get }
    var link: Link? { get }
    var isSilent: Bool { get }
    /// Bytes that answers to requests under way may take at most.
    var mostAnswerBytes: Int { get }

    func connect()
    func opened(_ link: Link)
    func heard(_ text: ByteBuffer)
    func heardPing()
    /// The connection is over; nil if nobody said why.
    func lost(_ link: Link, code: UInt16?)

    /// One operation.
    func act()
    func say(_ count: Int, in index: Int)
    /// Trouble is over: whoever is in no room enters one.
    func settleDown()
    /// Goes away for good.
    func goHome()

    // By room: whether it is in, who is there and who types, as far as it was told.
    func isIn(_ index: Int) -> Bool
    func members(_ index: Int) -> Set<String>?
    func typists(_ index: Int) -> Set<String>
    /// What is not yet as it must be when all is quiet.
    func unsettled() -> (Violation.Rule, String, [String])?
}

extension SimGuest {
    func heardPing() {}

    func wrong(_ text: String) {
        stage.referee.blow(.protocolKept, "\(name) \(text)", [name])
    }

    func hole(_ room: RoomName, _ text: String) {
        stage.referee.blow(.noHole, "\(name) \(text)", [name, room.text])
    }

    /// What a message may look like.
    func content(_ number: Int) -> String {
        let length = dice.int(0...max(1, stage.shape.maxContent))
        let filler = String(repeating: dice.pick(["x", "ö", "\\n", "\\u00e9"]), count: length / 4)
        switch dice.int(0...3) {
        case 0: return "\(number)"
        case 1: return #"{"n": \#(number),  "t":"\#(filler)"}"#
        default: return #""\#(filler)""#
        }
    }
}
