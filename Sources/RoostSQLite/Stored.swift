import GRDB
import RoostCore

// From the file back to values that are valid by construction. What doesn't fit was not written by us.

extension RoomName {
    init(stored text: String) throws {
        guard let value = RoomName(text) else { throw damaged("room name", text) }
        self = value
    }
}

extension UserID {
    init(stored text: String) throws {
        guard let value = UserID(text) else { throw damaged("user id", text) }
        self = value
    }
}

extension MessageID {
    init(stored text: String) throws {
        guard let value = MessageID(text) else { throw damaged("message id", text) }
        self = value
    }
}

extension Epoch {
    init(stored text: String) throws {
        guard let value = Epoch(text) else { throw damaged("epoch", text) }
        self = value
    }
}

extension Visibility {
    var stored: Int { self == .public ? 0 : 1 }

    /// Anything unknown is kept private.
    init(stored number: Int64) { self = number == 0 ? .public : .private }
}

extension MessageKind {
    init(stored number: Int64) throws {
        guard let kind = UInt8(exactly: number).flatMap(MessageKind.init(rawValue:)) else {
            throw damaged("kind of message", "\(number)")
        }
        self = kind
    }
}

enum Stored {
    /// The kinds that are messages (`MessageKind.isMessage`), for SQL.
    static let messageKinds = "(\(MessageKind.message.rawValue), \(MessageKind.created.rawValue))"
}

private func damaged(_ what: String, _ text: String) -> DatabaseError {
    DatabaseError(
        resultCode: .SQLITE_CORRUPT, message: "the store holds an impossible \(what): \(text.debugDescription)")
}
