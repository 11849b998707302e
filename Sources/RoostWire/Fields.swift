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
        let mismatch = Mismatch("\(key)", "a position: {\"epoch\":\"…\",\"seq\":42}")
        if value.first == UInt8(ascii: "{") {
            guard let fields = try object(key), let seq = try fields.unsigned("seq") else { throw mismatch }
            guard let text = try fields.string("epoch") else { return Cursor(epoch: nil, seq: seq) }
            guard let epoch = Epoch(text) else { throw mismatch }
            return Cursor(epoch: epoch, seq: seq)
        }
        if let text = JSONFields.decodeString(value), let cursor = Cursor(text) { return cursor }
        guard let seq = try? unsigned(key) else { throw mismatch }
        return Cursor(epoch: nil, seq: seq)
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
