import Foundation
import RoostClient

/// Actions as the scenarios write them.
enum ScenarioJSON {
    static func text(_ value: Any) -> String {
        let options: JSONSerialization.WritingOptions = [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes]
        let data = try? JSONSerialization.data(withJSONObject: value, options: options)
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
    }

    private static func value(_ json: String) -> Any {
        (try? JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)) ?? NSNull()
    }

    /// Without fields that have no value, which one language writes and another leaves out.
    static func plain(_ object: JSON) -> JSON {
        object.filter { !($0.value is NSNull) }.mapValues { value in
            switch value {
            case let object as JSON: plain(object)
            case let list as [JSON]: list.map(plain)
            default: value
            }
        }
    }

    static func action(_ action: ClientAction) -> JSON {
        switch action {
        case .open(let connection, let transport, let protocols, let query):
            [
                "type": "open", "connection": connection, "transport": transport, "protocols": protocols,
                "query": Dictionary(uniqueKeysWithValues: query.map { ($0.name, $0.value) }),
            ]
        case .close(let connection, let code, let reason):
            ["type": "close", "connection": connection, "code": code, "reason": reason]
        case .write(let connection, let frame):
            ["type": "write", "connection": connection, "frame": value(frame.json)]
        case .wake(let at): ["type": "wake", "at": at]
        case .fetchToken: ["type": "fetchToken"]
        case .keep(let kept):
            [
                "type": "keep",
                "message": plain(
                    message(kept.message).merging([
                        "since": kept.since.map(position) ?? NSNull(), "attemptedAt": kept.attemptedAt ?? NSNull(),
                        "sender": kept.sender ?? NSNull(),
                    ]) { $1 }),
            ]
        case .forget(let id): ["type": "forget", "messageId": id]
        case .keepPosition(let room, let place):
            ["type": "keepPosition", "room": room, "position": position(place)]
        case .forgetPosition(let room): ["type": "forgetPosition", "room": room]
        case .keepSession(let session): ["type": "keepSession", "session": session]
        case .answer(let request, .failure(let error)):
            ["type": "answer", "request": request, "error": self.error(error)]
        case .answer(let request, .success(let body)):
            ["type": "answer", "request": request, "result": answer(body)]
        case .emit(let event): ["type": "emit", "event": self.event(event)]
        }
    }

    private static func message(_ message: Outgoing) -> JSON {
        [
            "messageId": message.id, "room": message.room, "content": value(message.content.json),
            "createdAt": message.createdAt,
        ]
    }

    private static func position(_ position: RoostPosition) -> Any {
        ["epoch": position.epoch, "seq": position.seq] as JSON
    }

    private static func error(_ error: RoostError) -> JSON {
        plain([
            "code": error.code.rawValue, "reason": error.reason, "retryAfterMs": error.retryAfterMs ?? NSNull(),
        ])
    }

    private static func answer(_ body: ServerFrame.Body) -> JSON {
        switch body {
        case .history(let page):
            let messages = page.entries.map { entry -> JSON in
                switch entry {
                case .message(let message): wire(message)
                case .deleted(let deletion): wire(deletion)
                }
            }
            return ["room": page.room, "epoch": page.epoch, "messages": messages, "more": page.hasMore]
        case .presence(let room, let presence): return members(presence).merging(["room": room]) { $1 }
        case .roomCreated(let room): return ["room": info(room)]
        default: return ["unexpected": "\(body)"]
        }
    }

    private static func wire(_ message: RoostMessage) -> JSON {
        [
            "type": "message", "messageId": message.id, "timestamp": message.timestamp,
            "payload": plain([
                "room": message.room, "seq": message.seq, "sender": message.sender,
                "content": value(message.content.json), "deleted": message.isDeleted ? true : NSNull(),
            ]),
        ]
    }

    private static func wire(_ deletion: RoostDeletion) -> JSON {
        [
            "type": "deleted", "messageId": deletion.id, "timestamp": deletion.timestamp,
            "payload": [
                "room": deletion.room, "seq": deletion.seq, "sender": deletion.sender, "ref": deletion.id,
                "refSeq": deletion.refSeq,
            ] as JSON,
        ]
    }

    private static func info(_ room: RoomInfo) -> JSON {
        [
            "id": room.id, "name": room.name, "visibility": room.isPrivate ? "private" : "public",
            "participants": room.participants, "createdAt": room.createdAt,
        ]
    }

    private static func members(_ presence: RoomPresence) -> JSON {
        plain([
            "count": presence.count, "next": presence.next ?? NSNull(),
            "members": presence.members.map { members in
                members.map {
                    [
                        "user": $0.user, "name": $0.name, "since": $0.since, "connections": $0.connections,
                    ] as JSON
                }
            } ?? NSNull(),
        ])
    }

    // MARK: Events

    private static func event(_ event: ClientEvent) -> JSON {
        switch event {
        case .state(let state): self.state(state)
        case .room(let room, let event): self.event(event).merging(["room": room]) { $1 }
        case .personal(let event):
            self.event(event).merging([
                "type": "personal", "entry": self.event(event)["type"] ?? NSNull(),
            ]) { $1 }
        case .roomCreated(let room): ["type": "room_created", "room": info(room)]
        case .error(let error, let room):
            plain(self.error(error).merging(["type": "error", "room": room ?? NSNull()]) { $1 })
        }
    }

    private static func state(_ state: ConnectionState) -> JSON {
        switch state {
        case .disconnected(let code, let reason):
            return ["type": "state", "state": "disconnected", "code": code, "reason": reason]
        case .connecting(nil): return ["type": "state", "state": "connecting"]
        case .connecting(let loss?):
            return [
                "type": "state", "state": "connecting", "code": loss.code, "reason": loss.reason,
                "retryInMs": loss.retryInMs,
            ]
        case .connected(let welcome):
            return [
                "type": "state", "state": "connected", "user": welcome.user, "name": welcome.name,
                "clientId": welcome.clientID, "node": welcome.node, "transport": welcome.transport,
            ]
        }
    }

    private static func event(_ event: RoomEvent) -> JSON {
        switch event {
        case .joined(let joined):
            return ["type": "joined", "epoch": joined.epoch, "head": joined.head, "recovered": joined.isRecovered]
                .merging(joined.members.map(members) ?? [:]) { $1 }
        case .message(let message):
            return plain([
                "type": "message", "room": message.room, "seq": message.seq, "messageId": message.id,
                "at": message.timestamp.isEmpty ? NSNull() : message.timestamp as Any, "sender": message.sender,
                "content": value(message.content.json),
                "deleted": message.isDeleted ? true : NSNull(), "own": message.isOwn ? true : NSNull(),
            ])
        case .deleted(let deletion):
            return plain([
                "type": "deleted", "room": deletion.room, "seq": deletion.seq, "messageId": deletion.id,
                "at": deletion.timestamp.isEmpty ? NSNull() : deletion.timestamp as Any,
                "sender": deletion.sender, "ref": deletion.ref, "refSeq": deletion.refSeq,
            ])
        case .gap(let from, let to): return ["type": "gap", "from": from, "to": to]
        case .reset(let epoch, let head): return ["type": "reset", "epoch": epoch, "head": head]
        case .refused(let error): return self.error(error).merging(["type": "refused"]) { $1 }
        case .left: return ["type": "left"]
        case .pending(let message, let replaces):
            return plain(self.message(message).merging(["type": "pending", "replaces": replaces ?? NSNull()]) { $1 })
        case .sent(let id, let receipt):
            return plain([
                "type": "sent", "messageId": id, "seq": receipt.seq ?? NSNull(),
                "durability": receipt.durability ?? NSNull(), "duplicate": receipt.isDuplicate,
            ])
        case .failed(let id, let error):
            return self.error(error).merging(["type": "failed", "messageId": id]) { $1 }
        case .userJoined(let user, let name): return ["type": "user_joined", "user": user, "name": name]
        case .userLeft(let user, let lastSeen): return ["type": "user_left", "user": user, "lastSeen": lastSeen]
        case .presence(let presence): return members(presence).merging(["type": "presence"]) { $1 }
        case .typing(let user, let isActive): return ["type": "typing", "user": user, "active": isActive]
        case .receipts(let marks):
            let members = marks.map { ["user": $0.user, "received": $0.received, "read": $0.read] as JSON }
            return ["type": "receipts", "members": members]
        }
    }
}
