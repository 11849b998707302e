import NIOCore
public import RoostCore

// News of rooms that concern who may be in them.
extension Hub {
    /// Tells every online participant of a new room, except the connection that has made it (0: nobody's).
    public func announce(_ room: RoomInfo, participants: [User], except connection: UInt64 = 0) {
        for target in shards {
            target.loop.execute {
                target.shard.value.hear(ofNew: room, participants: participants, except: connection)
            }
        }
    }

    /// The room is gone: its readers are told that they have left it.
    public func dissolve(_ room: RoomName) {
        for target in shards {
            target.loop.execute { target.shard.value.dissolve(room) }
        }
    }

    /// A user has been made a participant of a room, or is one no longer.
    public func membership(of user: UserID, in room: RoomName, isNow isMember: Bool) {
        for target in shards {
            target.loop.execute { target.shard.value.membership(of: user, in: room, isNow: isMember) }
        }
    }

    /// Who may enter has changed: readers without access are put out.
    public func recheck(_ room: RoomName) {
        for target in shards {
            target.loop.execute { target.shard.value.recheck(room) }
        }
    }
}
