import RoostWire

/// A frame of `roost.v1.json` as a client hears it.
package struct ServerFrame: Sendable, Equatable {
    package var messageID: String?
    package var body: Body

    package enum Body: Sendable, Equatable {
        case welcome(Welcome)
        case reconnect(afterMs: Int64)
        case joined(Joined)
        case left(room: String)
        /// `message` or `deleted`.
        case entry(Entry)
        case gap(room: String, from: UInt64, to: UInt64)
        case ack(seq: UInt64?, durability: String, isDuplicate: Bool)
        case error(RoostError, room: String?)
        case history(HistoryPage)
        case presence(room: String, RoomPresence)
        case roomCreated(RoomInfo)
        case typing(room: String, user: String, isActive: Bool)
        case userJoined(room: String, user: String, name: String)
        case userLeft(room: String, user: String, lastSeen: String)
        case receipts(room: String, [MemberMark])
        case pong
        /// A type that this client does not know; it is ignored, but shows that the server is there.
        case unknown
    }

    package struct Welcome: Sendable, Equatable {
        package var clientID = ""
        package var user = ""
        package var name = ""
        package var node = ""
        package var session: String?
        package var heartbeatMs: Int64 = 0
        package var limits = ServerLimits()
    }

    package struct Joined: Sendable, Equatable {
        package var room: String
        package var epoch: String
        package var head: UInt64
        package var recovered: Bool
        package var members: RoomPresence?

        var news: RoomEvent.Joined {
            RoomEvent.Joined(epoch: epoch, head: head, isRecovered: recovered, members: members)
        }
    }

    package struct Entry: Sendable, Equatable {
        package var room: String
        package var seq: UInt64
        package var messageID: String
        package var sender: String
        /// ISO 8601, as the server wrote it.
        package var timestamp: String
        package var matter: Matter

        package enum Matter: Sendable, Equatable {
            /// - isRedacted: it was deleted since, and its content is null.
            case message(content: RoostContent, isRedacted: Bool)
            case tombstone(ref: String, refSeq: UInt64)
        }

        package func news(isOwn: Bool) -> RoomEvent {
            switch matter {
            case .message(let content, let isRedacted):
                .message(
                    RoostMessage(
                        room: room, seq: seq, id: messageID, sender: sender, timestamp: timestamp, content: content,
                        isDeleted: isRedacted, isOwn: isOwn))
            case .tombstone(let ref, let refSeq):
                .deleted(
                    RoostDeletion(
                        room: room, seq: seq, id: messageID, sender: sender, timestamp: timestamp, ref: ref,
                        refSeq: refSeq))
            }
        }
    }

    package init(messageID: String?, body: Body) {
        self.messageID = messageID
        self.body = body
    }
}
