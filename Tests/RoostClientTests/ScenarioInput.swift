import Foundation
import RoostClient

struct BadScenario: Error {
    var what: String
    init(_ what: String) { self.what = what }
}

extension Dictionary where Key == String, Value == Any {
    func text(_ key: String) throws -> String {
        guard let text = self[key] as? String else { throw BadScenario("\(key) is no text in \(self)") }
        return text
    }

    func int(_ key: String) throws -> Int {
        guard let number = self[key] as? Int else { throw BadScenario("\(key) is no number in \(self)") }
        return number
    }

    func position(_ key: String) -> RoostPosition? {
        guard let fields = self[key] as? JSON, let epoch = fields["epoch"] as? String,
            let seq = fields["seq"] as? UInt64
        else { return nil }
        return RoostPosition(epoch: epoch, seq: seq)
    }
}

extension MachineOptions {
    /// The options that the scenarios set.
    init(_ given: JSON) throws {
        self.init()
        if given["preset"] as? String == "chatflow" { useChatFlow() }
        for (key, value) in given {
            switch (key, value) {
            case ("preset", _): break
            case ("hasToken", let value as Bool): hasToken = value
            case ("user", let value as String): user = value
            case ("name", let value as String): name = value
            case ("transports", let value as [String]): transports = value
            case ("openTimeoutMs", let value as Int64): openTimeoutMs = value
            case ("stableAfterMs", let value as Int64): stableAfterMs = value
            case ("reconnectBaseMs", let value as Int64): reconnectBaseMs = value
            case ("reconnectMaxMs", let value as Int64): reconnectMaxMs = value
            case ("betterAfterMs", let value as Int64): betterAfterMs = value
            case ("tokenTimeoutMs", let value as Int64): tokenTimeoutMs = value
            case ("answerTimeoutMs", let value as Int64): answerTimeoutMs = value
            case ("messageTimeoutMs", let value as Int64): messageTimeoutMs = value
            case ("messageAttempts", let value as Int): messageAttempts = value
            case ("messageBackoffMs", let value as Int64): messageBackoffMs = value
            case ("messageBackoffMaxMs", let value as Int64): messageBackoffMaxMs = value
            case ("inFlightLimit", let value as Int): inFlightLimit = value
            case ("queueLimit", let value as Int): queueLimit = value
            case ("queueBytes", let value as Int): queueBytes = value
            case ("typingEveryMs", let value as Int64): typingEveryMs = value
            case ("typingLapseMs", let value as Int64): typingLapseMs = value
            case ("markEveryMs", let value as Int64): markEveryMs = value
            case ("positionEveryMs", let value as Int64): positionEveryMs = value
            case ("heartbeatMs", let value as Int64): heartbeatMs = value
            case ("heartbeatTimeoutMs", let value as Int64): heartbeatTimeoutMs = value
            case ("probeTimeoutMs", let value as Int64): probeTimeoutMs = value
            default: throw BadScenario("the option \(key) is unknown here, or \(value) is no value for it")
            }
        }
    }
}

extension ClientInput {
    init(_ input: JSON) throws {
        switch try input.text("type") {
        case "connect": self = .connect
        case "disconnect": self = .disconnect
        case "closed":
            self = .closed(
                connection: try input.int("connection"), code: try input.int("code"), reason: try input.text("reason"))
        case "frame":
            self = .frame(
                connection: try input.int("connection"),
                ServerFrame(ScenarioJSON.text(input["frame"] ?? NSNull())))
        case "wake": self = .wake
        case "network": self = .network(isUp: input["online"] as? Bool ?? false)
        case "visible": self = .visible
        case "token": self = .token(input["token"] as? String, expiresAt: input["expiresAt"] as? Int64)
        case "tokenFailed":
            self = .tokenFailed(reason: try input.text("reason"), isFinal: input["isFinal"] as? Bool ?? false)
        case "restored": self = try .restored(input)
        case "join":
            let wish = JoinWish(
                history: input["history"] as? Int ?? 0, presence: input["presence"] as? Bool,
                isDurable: input["durable"] as? Bool ?? false, after: input.position("after"))
            self = .join(room: try input.text("room"), wish)
        case "leave": self = .leave(room: try input.text("room"))
        case "send": self = .send(try Outgoing(input))
        case "retry": self = .retry(id: try input.text("messageId"), freshID: try input.text("freshId"))
        case "discard": self = .discard(id: try input.text("messageId"))
        case "typing": self = .typing(room: try input.text("room"), isActive: input["active"] as? Bool ?? false)
        case "received": self = .mark(.received, room: try input.text("room"), seq: UInt64(try input.int("seq")))
        case "read": self = .mark(.read, room: try input.text("room"), seq: UInt64(try input.int("seq")))
        default: self = try .question(input)
        }
    }

    private static func question(_ input: JSON) throws -> ClientInput {
        let tag = try input.text("request")
        switch try input.text("type") {
        case "history":
            return .history(
                request: tag, room: try input.text("room"), HistoryRange(input), limit: input["limit"] as? Int)
        case "presence":
            return .presence(request: tag, room: try input.text("room"), cursor: input["cursor"] as? String)
        case "createRoom":
            let plan = RoomRequest(
                name: input["name"] as? String, participants: input["participants"] as? [String] ?? [],
                isPrivate: (input["visibility"] as? String).map { $0 == "private" })
            return .createRoom(request: tag, plan)
        case let type: throw BadScenario("an input of type \(type)")
        }
    }

    private static func restored(_ input: JSON) throws -> ClientInput {
        let positions = input["positions"] as? JSON ?? [:]
        let queue = try (input["queue"] as? [JSON] ?? []).map { kept in
            KeptMessage(
                try Outgoing(kept), since: kept.position("since"), attemptedAt: kept["attemptedAt"] as? Int64,
                sender: kept["sender"] as? String)
        }
        return .restored(
            session: input["session"] as? String,
            positions: Dictionary(
                uniqueKeysWithValues: positions.keys.compactMap { room in positions.position(room).map { (room, $0) } }),
            queue: queue)
    }
}

extension Outgoing {
    init(_ input: JSON) throws {
        self.init(
            room: try input.text("room"), id: try input.text("messageId"),
            content: try RoostContent(json: ScenarioJSON.text(input["content"] ?? NSNull())),
            createdAt: input["createdAt"] as? Int64 ?? 0)
    }
}

extension HistoryRange {
    fileprivate init(_ input: JSON) {
        func place(_ key: String) -> Place? {
            input.position(key).map { .position($0) } ?? (input[key] as? UInt64).map { .seq($0) }
        }
        self = place("after").map { .after($0) } ?? place("before").map { .before($0) } ?? .latest
    }
}
