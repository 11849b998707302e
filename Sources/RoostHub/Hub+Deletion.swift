public import RoostCore
public import RoostEngine

/// A message that somebody wants gone.
public struct Deletion: Sendable {
    public var room: RoomName
    public var id: MessageID
    public var by: UserID?
    /// Whether messages of others may be deleted too.
    public var isModerator: Bool

    public init(room: RoomName, id: MessageID, by user: UserID?, isModerator: Bool) {
        self.room = room
        self.id = id
        by = user
        self.isModerator = isModerator
    }
}

extension Hub {
    /// Redacts a message and puts a tombstone behind the log's end, which everybody hears. The tombstone's `seq`, or nil
    /// where somebody else was faster. Access to the room is the caller's question.
    public func delete(_ wish: Deletion) async throws(StoreError) -> Result<UInt64?, Failure> {
        // The author's own one first: others may have used the same id.
        var found: Message?
        if let author = wish.by { found = try await store.find(wish.room, id: wish.id, sender: author) }
        if found == nil { found = try await store.find(wish.room, id: wish.id, sender: nil) }
        guard let message = found else {
            return .failure(Failure(.notFound, "There is no message \(wish.id) in \(wish.room), or no more."))
        }
        guard wish.isModerator || message.sender == wish.by else {
            return .failure(Failure(.forbidden, "Only its author may delete a message."))
        }
        guard let sender = wish.by ?? UserID("server"), let id = MessageID("deleted-" + String(world.random(), radix: 36) + String(world.random(), radix: 36)) else {
            return .failure(Failure(.internal, "The server could not name the tombstone."))
        }
        let draft = Draft(
            room: wish.room, sender: sender, id: id, kind: .deleted,
            content: Message.tombstone(for: message.id, at: message.seq), authority: .server, redacts: message.seq)
        switch await publish([draft])[0] {
        case .stored(let seq, _, _): return .success(seq)
        // Somebody was faster.
        case .rejected(let failure) where failure.code == .notFound: return .success(nil)
        case .rejected(let failure): return .failure(failure)
        }
    }
}
