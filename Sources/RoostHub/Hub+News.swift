import NIOCore
public import RoostCore

// News of rooms that concern who may be in them.
extension Hub {
    /// Tells every online participant of a new room, except the connection that has made it (0: nobody's).
    public func announce(_ room: RoomInfo, participants: [User], except connection: UInt64 = 0) {
        everywhere { $0.hear(ofNew: room, participants: participants, except: connection) }
        relay?.tell(
            participants.compactMap { user in
                RoomName("user:" + user.id.text).map { ($0, .created(user.id, room.name)) }
            })
    }

    /// The room is gone: its readers are told that they have left it.
    public func dissolve(_ room: RoomName) {
        everywhere { $0.dissolve(room) }
        relay?.tellGone(room)
    }

    /// A user has been made a participant of a room, or is one no longer.
    public func membership(of user: UserID, in room: RoomName, isNow isMember: Bool) {
        everywhere { $0.membership(of: user, in: room, isNow: isMember) }
        if let own = RoomName("user:" + user.text) { relay?.tell(own, .membership(user, room, isNow: isMember)) }
    }

    /// Who may enter has changed: readers without access are put out.
    public func recheck(_ room: RoomName) {
        everywhere { $0.recheck(room) }
        relay?.tell(room, .recheck(room))
    }
}
