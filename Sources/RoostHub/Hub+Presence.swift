import NIOCore
public import RoostCore
import RoostEngine

/// Who is where, and what of that the rooms have not been told yet.
struct Attendance: Sendable {
    var presence = Presence()
    var news = PresenceNews()
}

/// A user with a connection to this node.
struct OnlineUser {
    var connections: Int
    /// What the user may send, over all its connections.
    var allowance: Allowance
    /// Whether it can be on other nodes too.
    var isLasting: Bool
}

// Who is online and where. Touched by connects, joins and leaves, never by messages.
extension Hub {
    public func isOnline(_ user: UserID) -> Bool { online.withLock { $0[user]?.connections ?? 0 > 0 } }

    func connected(_ identity: Identity, on loop: LoopExecutor) {
        let fresh = OnlineUser(
            connections: 0, allowance: Allowance(burst: limits.rateBurst, now: world.monotonic()),
            isLasting: identity.isLasting)
        online.withLock { online in
            online[identity.user, default: fresh].connections += 1
            note(online[identity.user], of: identity.user)
        }
        flushRows()
        lookAtOwnRooms()
        guard identity.isLasting else { return }
        let name = identity.name == identity.user.text ? nil : identity.name
        scribe.note(Sighting(user: identity.user, name: name), on: loop)
    }

    func disconnected(_ identity: Identity, on loop: LoopExecutor) {
        let isGone = online.withLock { online in
            online[identity.user]?.connections -= 1
            note(online[identity.user], of: identity.user)
            return online[identity.user]?.connections ?? 0 <= 0
        }
        flushRows()
        if isGone, identity.isLasting { scribe.note(Sighting(user: identity.user, lastSeen: world.wall()), on: loop) }
    }

    /// Other nodes find out where a user is. Called under the lock that says so: who leaves on one loop and comes on
    /// another would else be told of in the wrong order.
    private func note(_ state: OnlineUser?, of user: UserID) {
        guard let relay, let state else { return }
        relay.note(.connections(user), user, state.row(user))
        if state.connections <= 1 { attendOwnRoom(of: user, isNow: state.connections == 1) }
    }

    /// Forgets users without a connection, once they could send as much as anybody: coming back must not make a full
    /// bucket of an empty one.
    func forgetOffline() {
        let (now, burst) = (world.monotonic(), max(1, limits.rateBurst))
        online.withLock { online in
            for (user, state) in online where state.connections <= 0 {
                guard
                    limits.rateMessages == 0
                        || online[user]?.allowance.isOver(rate: limits.rateMessages, burst: burst, now: now) ?? true
                else { continue }
                online[user] = nil
            }
        }
    }

    // MARK: In rooms

    /// How long a user who was sent away by a drain is still shown, since it is on its way back.
    static let graceMs: Int64 = 5000

    func enter(_ room: RoomName, _ kind: RoomKind, _ identity: Identity, except connection: UInt64) {
        guard kind.presence != .off else { return }
        presence.withLock { state in
            let change = state.presence.join(room, identity.user, name: identity.name, at: world.wall())
            noteRow(room, identity.user, state.presence)
            if kind.presence == .count {
                state.presence.countChanged(room)
            } else if change == .joined {
                state.news.joined(room, identity.user, name: identity.name, except: connection)
            }
        }
    }

    /// - Parameter isExpected: the user is shown for a while, since it was told to come back.
    func exit(
        _ room: RoomName, _ kind: RoomKind, _ identity: Identity, except connection: UInt64, isExpected: Bool = false
    ) {
        guard kind.presence != .off else { return }
        let until = isExpected ? world.monotonic() + Hub.graceMs : nil
        presence.withLock { state in
            let change = state.presence.leave(room, identity.user, lingeringUntil: until)
            noteRow(room, identity.user, state.presence, isExpected: isExpected)
            if kind.presence == .count {
                state.presence.countChanged(room)
            } else if change == .left {
                state.news.left(room, identity.user, name: identity.name, at: world.wall(), except: connection)
            }
        }
    }

    private func noteRow(_ room: RoomName, _ user: UserID, _ presence: Presence, isExpected: Bool = false) {
        guard let relay else { return }
        let row = presence.attendee(room, user).map { Bulletin.Row.here($0) }
        relay.note(.members(room), user, row ?? (isExpected ? .expected : .gone))
    }

    /// The members of a room, at most `limit` (1000 if more are asked for); without names where the kind is to count.
    /// - Parameter isTold: whether somebody is told who is there, who then has to hear of every change; not so for checks.
    public func members(
        _ room: RoomName, after: UserID? = nil, limit: Int = 1000, isTold: Bool = true
    ) -> PresencePage {
        let mode = kinds.kind(of: room).presence
        return presence.withLock { state in
            guard mode != .count else {
                return PresencePage(room: room, count: state.presence.count(room), members: [], next: nil)
            }
            if isTold { state.news.settle(room) }
            return state.presence.page(room, after: after, limit: min(max(1, limit), 1000))
        }
    }

    func memberCount(_ room: RoomName) -> Int { presence.withLock { $0.presence.count(room) } }

    // MARK: Telling

    /// Tells rooms who came and went since the last call, one item per loop and room.
    func tellPresence() {
        // Handed over under the lock, so that nobody hears of a later leaving first.
        presence.withLock { state in
            for (room, items) in state.news.take() { tell(room, items) }
        }
        flushRows()
    }

    /// Large rooms hear how many they are; those who were expected back and did not come have left.
    func tellCounts() {
        let now = world.monotonic()
        presence.withLock { state in
            for (room, user, name) in state.presence.expire(at: now) {
                if kinds.kind(of: room).presence == .count {
                    state.presence.countChanged(room)
                } else {
                    state.news.left(room, user, name: name, at: world.wall(), except: 0)
                }
            }
            for (room, items) in state.news.take() { tell(room, items) }
            for (room, count) in state.presence.takeCounts(at: now) {
                tell(room, [PresenceNews.Item(event: .presenceCount(room: room, count: count), except: 0)])
            }
        }
    }

    /// Tells a room something that is not kept.
    func tell(_ room: RoomName, _ items: [PresenceNews.Item]) {
        var mask = listeners(room)
        while mask != 0 {
            let target = shards[mask.trailingZeroBitCount]
            target.loop.execute { target.shard.value.hear(items, in: room) }
            mask &= mask - 1
        }
    }

    func tell(_ room: RoomName, _ event: Event, except connection: UInt64) {
        tell(room, [PresenceNews.Item(event: event, except: connection)])
    }

    // MARK: Typing

    /// A user types in a room, or has ceased to.
    /// - Parameter connection: the one that said so; 0: none.
    public func type(_ room: RoomName, _ user: UserID, isActive: Bool, from connection: UInt64 = 0) {
        let now = world.monotonic()
        typing.withLock { typing in
            guard typing.set(room, user, isActive: isActive, now: now) else { return }
            tell(room, .typing(room: room, user: user, isActive: isActive), except: connection)
            relay?.tell(room, .typing(room, user, isActive: isActive))
        }
    }

    func lapseTyping() {
        let now = world.monotonic()
        typing.withLock { typing in
            for (room, user) in typing.lapse(now: now) {
                tell(room, .typing(room: room, user: user, isActive: false), except: 0)
            }
        }
    }
}
