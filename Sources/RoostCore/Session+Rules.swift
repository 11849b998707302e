// What a connection may do.
extension Session {
    struct Speech {
        var content: RawJSON
        var kind: MessageKind
        var sender: UserID?
        var since: Position?
    }

    mutating func publish(_ id: MessageID?, _ target: RoomName, _ speech: Speech, _ around: some SessionSurroundings)
        -> Action
    {
        let sender = speech.sender ?? identity.user
        guard sender == identity.user || isAnonymous else {
            return forbid("You are signed in as \(identity.user), not as \(sender).", target)
        }
        if let refusal = Session.objectionToPublishing(in: target, grants, around.kinds) {
            return .refuse(refusal, room: target)
        }
        if let id, let stop = stoppages.objection(to: id, in: target, now: around.now) {
            return .refuse(stop, room: target)
        }
        guard let id = id ?? MessageID(around.freshID()) else {
            return .refuse(Failure(.internal, "The server could not name the message. Send it again."), room: target)
        }
        return .publish(
            Draft(
                room: target, sender: sender, id: id, kind: speech.kind, content: speech.content,
                authority: target.owner == nil ? .member : .server, since: speech.since))
    }

    /// Why nobody with these grants may publish there; nil if they may. Membership is the log's own question.
    public static func objectionToPublishing(in room: RoomName, _ grants: Grants, _ kinds: Kinds) -> Failure? {
        if room.owner != nil {
            return grants.allowsServing(room)
                ? nil : Failure(.forbidden, "Only servers publish to a personal room.")
        }
        guard grants.allows(.publish, in: room) else {
            return Failure(.forbidden, "Your token does not allow to publish to \(room).")
        }
        guard kinds.kind(of: room).publish == .members || grants.allows(.moderate, in: room) else {
            return Failure(.forbidden, "Only servers publish to \(room).")
        }
        return nil
    }

    func enter(_ join: Command.Join, _ around: some SessionSurroundings) -> Action {
        if let refusal = objectionToEntering(join.room) { return .refuse(refusal, room: join.room) }
        guard join.alone || around.rooms < around.limits.maxRooms || around.isIn(join.room) else {
            return .refuse(tooManyRooms(around.rooms), room: join.room)
        }
        return .join(allowed(join, around))
    }

    func resume(_ joins: [Command.Join], _ around: some SessionSurroundings) -> Action {
        let new = joins.reduce(0) { $0 + (around.isIn($1.room) ? 0 : 1) }
        guard around.rooms + new <= around.limits.maxRooms else {
            return .refuse(tooManyRooms(around.rooms), room: nil)
        }
        return .resume(joins)
    }

    private func tooManyRooms(_ count: Int) -> Failure {
        Failure(.conflict, "This connection is in \(count) rooms and may not be in so many more. Leave some first.")
    }

    private func objectionToEntering(_ room: RoomName) -> Failure? {
        if let owner = room.owner, owner != identity.user {
            return Failure(.forbidden, "A personal room is open to its own user only.")
        }
        guard room.owner != nil || grants.allows(.join, in: room) else {
            return Failure(.forbidden, "Your token does not allow to join \(room).")
        }
        return nil
    }

    /// The join with what it may not ask for taken out of it.
    private func allowed(_ wish: Command.Join, _ around: some SessionSurroundings) -> Command.Join {
        var join = wish
        join.history = join.history.map { min(max(0, $0), around.limits.maxHistory) }
        if objectionToHistory(join.room, around.kinds) != nil {
            join.isLiveOnly = true
            join.history = nil
        }
        if join.room.owner == nil, !grants.allows(.presence, in: join.room) { join.presence = false }
        return join
    }

    private func objectionToHistory(_ room: RoomName, _ kinds: Kinds) -> Failure? {
        Session.objectionToHistory(of: room, grants, kinds, user: identity.user)
    }

    /// Why a user with these grants may not read what was said before; nil if it may.
    public static func objectionToHistory(
        of room: RoomName, _ grants: Grants, _ kinds: Kinds, user: UserID?
    ) -> Failure? {
        guard room.owner.map({ $0 == user }) ?? grants.allows(.history, in: room) else {
            return Failure(.forbidden, "Your token does not allow to read the history of \(room).")
        }
        guard kinds.kind(of: room).history == .members else {
            return Failure(.forbidden, "The history of \(room) is not readable.")
        }
        return nil
    }

    mutating func exit(_ leaving: RoomName, _ around: some SessionSurroundings) -> Action {
        unsettle(from: leaving)
        return around.isIn(leaving) ? .leave(leaving) : refuseOutsider(leaving)
    }

    func plan(_ wish: Command.RoomWish, _ around: some SessionSurroundings) -> Action {
        let creator = identity.isLasting ? identity.user : nil
        switch RoomPlan.from(wish, creator: creator, freshID: { around.freshID() }) {
        case .success(let plan) where !grants.allows(.join, in: plan.name):
            return forbid("Your token does not allow to create the room \(plan.name).", nil)
        case .success(let plan): return .createRoom(plan)
        case .failure(let failure): return .refuse(failure, room: nil)
        }
    }

    func lookAround(_ room: RoomName, _ after: UserID?, _ around: some SessionSurroundings) -> Action {
        guard room.owner == identity.user || grants.allows(.presence, in: room) else {
            return forbid("Your token does not allow to see who is in \(room).", room)
        }
        guard around.kinds.kind(of: room).presence != .off else {
            return forbid("Presence is not kept in \(room).", room)
        }
        return .presence(room: room, after: after)
    }

    func readBack(_ request: Command.HistoryRequest, _ around: some SessionSurroundings) -> Action {
        if let refusal = objectionToHistory(request.room, around.kinds) { return .refuse(refusal, room: request.room) }
        return .history(request)
    }

    func type(_ room: RoomName, _ isActive: Bool, _ around: some SessionSurroundings) -> Action {
        guard around.isIn(room) else { return refuseOutsider(room) }
        if let refusal = Session.objectionToPublishing(in: room, grants, around.kinds) {
            return .refuse(refusal, room: room)
        }
        return .typing(room: room, isActive: isActive)
    }

    func refuseOutsider(_ room: RoomName) -> Action {
        .refuse(Failure(.conflict, "You are not in the room \(room)."), room: room)
    }

    private func forbid(_ reason: String, _ room: RoomName?) -> Action {
        .refuse(Failure(.forbidden, reason), room: room)
    }

    /// What one of several rooms to resume comes to.
    public func resumed(_ join: Command.Join, _ around: some SessionSurroundings) -> Result<Command.Join, Failure> {
        objectionToEntering(join.room).map { .failure($0) } ?? .success(allowed(join, around))
    }
}
