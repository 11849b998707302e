package import RoostCore

/// Who may do what in which room, for the engines of this package: one text, so that all of them rule alike.
///
/// - Anyone enters a public room, members enter a private one.
/// - A personal room (`RoomName.owner`) is private; its owner alone may open it, and only servers may write to it.
/// - A server may do anything.
package enum RoomRules {
    /// What a room of this name is created as: personal rooms are private whatever was asked for.
    package static func visibility(of room: RoomName, asked: Visibility = .public) -> Visibility {
        room.owner == nil ? asked : .private
    }

    /// Why this sender may not append to the room; nil if it may. `visibility` is that of the room as it is or would
    /// be created; `isMember` is only asked where it matters.
    package static func refusalToAppend<E: Error>(
        to room: RoomName, visibility: Visibility, sender: UserID, authority: Authority,
        isMember: () throws(E) -> Bool
    ) throws(E) -> Failure? {
        if authority == .server { return nil }
        if room.owner != nil {
            return Failure(.forbidden, "Only servers may write to \(room), a user's own room; write to another room.")
        }
        if visibility == .public { return nil }
        return try isMember() ? nil : notMember(of: room)
    }

    /// Why this user may not open the room; nil if it may.
    package static func refusalToOpen<E: Error>(
        _ room: RoomName, visibility: Visibility, user: UserID?, authority: Authority,
        isMember: (UserID) throws(E) -> Bool
    ) throws(E) -> Failure? {
        if authority == .server { return nil }
        if let owner = room.owner {
            return user == owner ? nil : Failure(.forbidden, "Room \(room) is another user's own; open another room.")
        }
        if visibility == .public { return nil }
        guard let user, try isMember(user) else { return notMember(of: room) }
        return nil
    }

    package static func unknown(_ room: RoomName) -> Failure {
        Failure(.notFound, "There is no room \(room); create it first.")
    }

    package static let searching = Failure(
        .unavailable, "The log is being searched for other late retries. Send this one again.", retryAfterMs: 200)

    package static func taken(_ room: RoomName) -> Failure {
        Failure(.conflict, "There is a room \(room) already; choose another name.")
    }

    package static func retryExpired(_ room: RoomName) -> Failure {
        Failure(
            .retryExpired,
            "The log of \(room) no longer reaches back to your first attempt, which may have been stored. "
                + "Check the history, then send the message under a new messageId.")
    }

    /// Why a room that doesn't exist is not created for this draft; nil if it is.
    package static func refusalToCreate(for draft: Draft, _ options: StoreOptions) -> Failure? {
        guard options.creates(draft.room), draft.redacts == nil else { return unknown(draft.room) }
        // The room of the first attempt is gone, and with it what could tell whether that was stored.
        return draft.since == nil ? nil : retryExpired(draft.room)
    }

    /// Why the entry can't be redacted; nil if it can.
    /// - Parameter kind: the kind of the retained entry at `seq`; nil if there is none.
    package static func refusalToRedact(_ kind: MessageKind?, _ seq: UInt64, in room: RoomName) -> Failure? {
        switch kind {
        case .message, .created: nil
        case .redacted: Failure(.notFound, "Message \(seq) in \(room) is already deleted.")
        case .deleted, nil:
            Failure(.notFound, "There is no message \(seq) in \(room), or no longer; nothing was deleted.")
        }
    }

    private static func notMember(of room: RoomName) -> Failure {
        Failure(.forbidden, "Room \(room) is private and you are not a member; ask to be added.")
    }
}

extension StoreOptions {
    /// Whether appending to or opening this room creates it if it is unknown.
    package func creates(_ room: RoomName) -> Bool { kinds.kind(of: room).createOnJoin ?? createOnJoin }

    /// Whether an id that was stored when the clock said `then` still counts. An id from the future does too, for the
    /// clock may have been set back; one from further ahead than a day was stored under a clock that was plainly wrong,
    /// and would else be kept until that day comes.
    package func remembers(_ then: Timestamp, at now: Timestamp) -> Bool {
        let age = now.milliseconds - then.milliseconds
        return age < dedupeWindowMs && age >= -86_400_000
    }
}

extension RoomKind {
    /// Messages of this time or older are to be dropped; nil if age is no reason.
    package func cutoff(at now: Timestamp) -> Timestamp? {
        guard let retainAgeMs else { return nil }
        let (cutoff, overflows) = now.milliseconds.subtractingReportingOverflow(retainAgeMs)
        return overflows ? nil : Timestamp(milliseconds: cutoff)
    }
}

extension MessageKind {
    /// Whether this is something that was said and may still be read.
    package var isMessage: Bool { self == .message || self == .created }
}

extension Message {
    /// Leaves only its place.
    package mutating func redact() {
        kind = .redacted
        content = .null
    }
}

extension [Message] {
    /// Redacts the message at `seq`, if it is one of these: contiguous and in order.
    package mutating func redact(_ seq: UInt64) {
        guard let first = first?.seq, seq >= first, seq - first < UInt64(count) else { return }
        let index = Int(seq - first)
        precondition(self[index].seq == seq, "a stretch of a log has a gap")
        self[index].redact()
    }
}

extension RoomInfo {
    /// How many entries are looked at for `lastMessage`.
    package static let lastMessageReach: UInt64 = 100
}
