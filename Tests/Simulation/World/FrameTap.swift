import NIOCore
import RoostCore
import RoostWire

/// Looks at whole frames as the node writes them, before they are on their way.
enum FrameTap {
    /// What the node writes, as far as the checks at that moment need it.
    enum Kind {
        case ack(room: RoomName, seq: UInt64, id: MessageID)
        case error(id: MessageID)
        /// Can be read again from the log, or is made up for by the next snapshot.
        case sheddable(String)
        /// Comes with the page of the log behind it.
        case gap
        case other
    }

    /// Calls `body` with each frame of `bytes`, which must be whole frames of a server.
    static func look(_ bytes: ByteBuffer, _ body: (Kind) -> Void) {
        var rest = bytes
        while let first = rest.readInteger(as: UInt8.self), let code = rest.readInteger(as: UInt8.self) {
            let length: Int? =
                switch code {
                case 126: rest.readInteger(as: UInt16.self).map(Int.init)
                case 127: rest.readInteger(as: UInt64.self).flatMap { Int(exactly: $0) }
                default: Int(code)
                }
            guard let length, let payload = rest.readSlice(length: length) else { return }
            if first & 15 == WebSocketOpcode.text.rawValue { body(kind(payload)) }
        }
    }

    private static let prefix = "{\"type\":\"".utf8.count

    private static func kind(_ payload: ByteBuffer) -> Kind {
        let start = payload.readerIndex + prefix
        let type = payload.getString(at: start, length: min(11, payload.readableBytes - prefix)) ?? ""
        if type.hasPrefix("ack\"") { return ack(payload) ?? .other }
        if type.hasPrefix("error\"") { return error(payload) ?? .other }
        for word in ["message", "user_joined", "user_left"] where type.hasPrefix(word) {
            return .sheddable(word)
        }
        return type.hasPrefix("gap\"") ? .gap : .other
    }

    private static func error(_ payload: ByteBuffer) -> Kind? {
        payload.withUnsafeReadableBytes { bytes -> Kind? in
            guard let frame = try? JSONFields(bytes), let id = try? frame.messageID() else { return nil }
            return .error(id: id)
        }
    }

    private static func ack(_ payload: ByteBuffer) -> Kind? {
        payload.withUnsafeReadableBytes { bytes -> Kind? in
            guard let frame = try? JSONFields(bytes), let id = try? frame.messageID(),
                let fields = try? frame.object("payload"), let room = try? fields.room(),
                let seq = try? fields.unsigned("seq")
            else { return nil }
            return .ack(room: room, seq: seq, id: id)
        }
    }
}
