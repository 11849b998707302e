import RoostCore

/// One of everything that a client may be told.
enum Samples {
    static let identity = Identity(user: user("ann"), name: "Ann \"A\"", client: "c1")

    static let welcome = Event.welcome(.init(identity: identity, node: "host-1", session: "s1", limits: Limits()))

    static let members = PresencePage(
        room: .general, count: 3,
        members: [
            .init(user: user("ann"), name: "Ann", since: Timestamp(milliseconds: 0), connections: 1),
            .init(user: user("b\"b"), name: "é", since: .example, connections: 2),
        ],
        next: user("b\"b"))

    static let lastPage = PresencePage(room: .general, count: 0, members: [], next: nil)

    static func joined(recovered: Bool = true, members: PresencePage? = nil) -> Event {
        .joined(.init(room: .general, epoch: epoch("e7"), head: 42, recovered: recovered, members: members))
    }

    static func message(_ kind: MessageKind = .message, content: String = #"{ "a" : 1.50 }"#) -> Message {
        Message(
            room: .general, seq: 42, id: id("m\"1"), sender: user("bob"), kind: kind, at: .example,
            content: json(content))
    }

    static func ack(
        _ kind: MessageKind = .message, duplicate: Bool = false, authorListens: Bool = true,
        durability: Durability = .stored
    ) -> Event {
        let draft = Draft(room: .general, sender: user("bob"), id: id("m1"), kind: kind, content: json(#""hi""#))
        return .ack(
            .init(
                draft: draft, seq: 42, at: .example, durability: durability, duplicate: duplicate,
                authorListens: authorListens))
    }

    static let info = RoomInfo(
        name: room("tea"), title: "Tea \\ time", visibility: .private, participants: [user("ann"), user("bob")],
        createdAt: .example, epoch: epoch("e7"), head: 0)

    static let participants = [User(id: user("ann"), name: "Ann"), User(id: user("b\"b"), name: "B\\b")]

    static let others: [Event] = [
        .left(room: .general), .userJoined(room: .general, user: user("ann"), name: "Ann"),
        .userLeft(room: .general, user: user("ann"), name: "Ann", lastSeen: .example),
        .presenceCount(room: .general, count: 501), .presence(members), .presence(lastPage),
        .history(.init(room: .general, epoch: epoch("e7"), messages: [message(), message(.created)], more: true)),
        .gap(room: .general, from: 3, to: 7), .pong, .error(Failure(.internal, "Oh."), room: nil),
        .message(message()), .roomCreated(info, participants: participants),
        .typing(room: .general, user: user("b\"b"), isActive: true), .receipts(room: .general, marks),
        .receipts(room: .general, []), .reconnect(afterMs: 250, reason: "The \"node\" restarts."),
        .message(tombstone), .message(message(.redacted, content: "null")),
        .history(.init(room: .general, epoch: epoch("e7"), messages: [redacted, tombstone], more: false)),
    ]

    static let marks = [
        MemberMark(room: .general, user: user("ann"), mark: Mark(received: 7, read: 5)),
        MemberMark(room: .general, user: user("b\"b"), mark: Mark(received: .max)),
    ]

    static let redacted = message(.redacted, content: "null")

    static let tombstone = message(.deleted, content: #"{"ref":"m\"0","refSeq":41}"#)

    static let all = [welcome, joined(members: members), ack()] + others
}
