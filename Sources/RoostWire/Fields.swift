public import RoostCore

// The fields of commands, read the same way from frames and from request bodies.
extension JSONFields {
    public func room(_ key: StaticString = "room") throws(Mismatch) -> RoomName {
        guard let text = try string(key) else { throw Mismatch("\(key)", "given") }
        guard let room = RoomName(text) else { throw Mismatch("\(key)", "1 to 128 of A-Z a-z 0-9 _ . : -", .invalid) }
        return room
    }

    public func user(_ key: StaticString) throws(Mismatch) -> UserID? {
        guard let text = try string(key) else { return nil }
        guard let user = UserID(text) else { throw Mismatch("\(key)", "1 to 128 bytes of plain text", .invalid) }
        return user
    }

    public func users(_ key: StaticString) throws(Mismatch) -> [UserID] {
        var users: [UserID] = []
        for text in try strings(key) ?? [] {
            guard let user = UserID(text) else { throw Mismatch("\(key)", "a list of user ids", .invalid) }
            users.append(user)
        }
        return users
    }

    public func messageID(_ key: StaticString = "messageId") throws(Mismatch) -> MessageID? {
        guard let text = try string(key) else { return nil }
        guard let id = MessageID(text) else { throw Mismatch("\(key)", "1 to 128 bytes of plain text", .invalid) }
        return id
    }

    /// `{"epoch":"…","seq":42}`, or the same as text, `EPOCH:42`.
    public func position(_ key: StaticString) throws(Mismatch) -> Position? {
        guard let cursor = try cursor(key) else { return nil }
        guard let epoch = cursor.epoch else { throw Mismatch("\(key)", "a position with an epoch") }
        return Position(epoch: epoch, seq: cursor.seq)
    }

    public func cursor(_ key: StaticString) throws(Mismatch) -> Cursor? {
        guard let value = present(key) else { return nil }
        guard let cursor = JSONFields.cursor(value) else {
            throw Mismatch("\(key)", "a position: {\"epoch\":\"…\",\"seq\":42}")
        }
        return cursor
    }

    /// Reads a position in any of its forms; nil if it is none.
    static func cursor(_ value: UnsafeRawBufferPointer) -> Cursor? {
        if value.first == UInt8(ascii: "{") {
            guard let fields = try? JSONFields(value), let seq = try? fields.unsigned("seq") else { return nil }
            guard fields.present("epoch") != nil else { return Cursor(epoch: nil, seq: seq) }
            guard let text = try? fields.string("epoch"), let epoch = Epoch(text) else { return nil }
            return Cursor(epoch: epoch, seq: seq)
        }
        if let text = JSONFields.decodeString(value) { return Cursor(text) }
        return Cursor(String(decoding: value, as: UTF8.self))
    }

    /// The rooms of a `resume`, each with the position from which to go on.
    public func resumption() throws(Mismatch) -> [Command.Join] {
        guard let rooms = try object("rooms") else { throw Mismatch("rooms", "given") }
        var joins: [Command.Join] = []
        var known: Set<RoomName> = []
        for (key, value) in rooms.all() {
            guard let key, let room = RoomName(key), known.insert(room).inserted else {
                throw Mismatch("rooms", "positions by the names of rooms, each name once", .invalid)
            }
            guard let cursor = JSONFields.cursor(value), let epoch = cursor.epoch else {
                throw Mismatch("rooms", "positions, each {\"epoch\":\"…\",\"seq\":42}")
            }
            joins.append(Command.Join(room: room, after: Position(epoch: epoch, seq: cursor.seq)))
        }
        guard !joins.isEmpty else { throw Mismatch("rooms", "at least one room", .invalid) }
        return joins
    }

    /// How far a member has got, as `received`, `read` and `POST /rooms/{room}/read` say it.
    public func mark(isRead: Bool) throws(Mismatch) -> Mark {
        guard let seq = try unsigned("seq") else { throw Mismatch("seq", "given") }
        return isRead ? Mark(received: seq, read: seq) : Mark(received: seq)
    }

    public func isActive() throws(Mismatch) -> Bool {
        guard let isActive = try bool("active") else { throw Mismatch("active", "given") }
        return isActive
    }

    public func visibility() throws(Mismatch) -> Visibility? {
        guard let text = try string("visibility") else { return nil }
        guard let visibility = Visibility(rawValue: text) else {
            throw Mismatch("visibility", "public or private", .invalid)
        }
        return visibility
    }

    /// - Parameter needsParticipants: whether they must be listed, be it as an empty list.
    public func roomWish(needsParticipants: Bool = true) throws(Mismatch) -> Command.RoomWish {
        guard !needsParticipants || present("participants") != nil else { throw Mismatch("participants", "given") }
        return Command.RoomWish(
            name: try string("name"), participants: try users("participants"), visibility: try visibility() ?? .public)
    }
}
