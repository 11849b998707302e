/// What a server under load speaks.
public enum BenchDialect: String, CaseIterable, Sendable {
    /// `roost.v1.json`.
    case native
    /// Flat JSON: `{"type":"join","room":…}`, `{"type":"message","content":…}`.
    case simple
    /// The room is the last part of the path, and everything that is sent is heard by everybody there (nchan).
    case pubsub
    /// The protocol of NATS over WebSocket.
    case nats

    var subprotocol: String? { self == .native ? "roost.v1.json" : nil }

    func path(_ target: BenchTarget, room: String, user: String) -> String {
        switch self {
        case .native, .simple: "\(target.webSocketPath)?user=\(user)"
        case .pubsub: "\(target.path)/\(room)"
        case .nats: target.path.isEmpty ? "/" : target.path
        }
    }

    /// What enters a room; nil where connecting has done so.
    func join(_ room: String, hearsPresence: Bool) -> OutgoingFrame? {
        switch self {
        case .native:
            let presence = hearsPresence ? "" : #","presence":false"#
            return OutgoingFrame(.text, #"{"type":"join","messageId":"j","payload":{"room":"\#(room)"\#(presence)}}"#)
        case .simple: return OutgoingFrame(.text, #"{"type":"join","room":"\#(room)"}"#)
        case .pubsub: return nil
        case .nats: return OutgoingFrame(.binary, "CONNECT {\"verbose\":false}\r\nSUB \(room) 1\r\nPING\r\n")
        }
    }

    /// Whether the frame says that the room has been entered.
    func isJoined(_ frame: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .native: frame.isFrame("joined")
        case .simple: frame.has("\"type\":\"room_users\"") || frame.has("\"type\": \"room_users\"")
        case .pubsub: false
        case .nats: frame.has("PONG")
        }
    }

    /// Why the server refuses something, if the frame says so.
    func refusal(_ frame: UnsafeRawBufferPointer) -> String? {
        switch self {
        case .native: frame.isFrame("error") ? frame.text(after: "\"reason\":\"") ?? "?" : nil
        case .simple: frame.has("\"type\":\"error\"") ? String(decoding: frame.prefix(200), as: UTF8.self) : nil
        case .pubsub: nil
        case .nats: frame.has("-ERR") ? String(decoding: frame.prefix(200), as: UTF8.self) : nil
        }
    }

    /// Whether the frame only tells its author that something was said, which the room tells as well.
    func isReceipt(_ frame: UnsafeRawBufferPointer) -> Bool { self == .simple && frame.has("\"sender\":\"server\"") }

    /// What answers a sign of life that the protocol itself asks for.
    func answer(_ frame: UnsafeRawBufferPointer) -> OutgoingFrame? {
        self == .nats && frame.has("PING\r\n") ? OutgoingFrame(.binary, "PONG\r\n") : nil
    }
}

/// One publication after another to one room: the same frame with another number.
struct Publication {
    /// The number's place in the content is told by what is around it.
    private static let opening = "@@"
    static let digits = 12
    static let leastSize = opening.utf8.count + digits + 1 + 2

    private var frame: OutgoingFrame
    private let places: [Int]

    /// - Parameter size: bytes of content, at least `leastSize`.
    init(_ dialect: BenchDialect, room: String, size: Int) {
        let zeros = String(repeating: "0", count: Publication.digits)
        let isJSON = dialect == .native || dialect == .simple
        let left = size - Publication.leastSize + (isJSON ? 0 : 2)
        let content = Publication.opening + zeros + "@" + String(repeating: "x", count: max(0, left))
        let text: String =
            switch dialect {
            case .native:
                #"{"type":"message","messageId":"m\#(zeros)","payload":{"room":"\#(room)","content":"\#(content)"}}"#
            case .simple: #"{"type":"message","content":"\#(content)"}"#
            case .pubsub: content
            case .nats: "PUB \(room) \(content.utf8.count)\r\n\(content)\r\n"
            }
        frame = OutgoingFrame(dialect == .nats ? .binary : .text, text)
        var places: [Int] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index + Publication.digits <= bytes.count {
            if bytes[index..<(index + Publication.digits)].allSatisfy({ $0 == UInt8(ascii: "0") }) {
                places.append(index)
                index += Publication.digits
            } else {
                index += 1
            }
        }
        self.places = places
    }

    mutating func numbered(_ number: UInt64) -> OutgoingFrame {
        for place in places { frame.set(number, at: place, digits: Publication.digits) }
        return frame
    }
}

/// Finds the numbers of publications in what one reader is sent.
struct NumberFinder {
    /// Where the last number was: usually the next one is there too.
    private var hint = 0
    /// The end of a frame in which a number may have begun, where frames are no messages.
    private var carry: [UInt8] = []
    private let isStream: Bool
    private static let width = 2 + Publication.digits + 1

    init(_ dialect: BenchDialect) { isStream = dialect == .nats }

    /// Whether the last frame may have ended within a number.
    var isInside: Bool { !carry.isEmpty }

    mutating func find(_ frame: UnsafeRawBufferPointer, _ body: (UInt64) -> Void) {
        guard !isStream else { return findAll(frame, body) }
        if let number = number(frame, at: hint) { return body(number) }
        guard let at = frame.after("@@"), let number = number(frame, at: at) else { return }
        hint = at
        body(number)
    }

    /// The number that begins at `at`, where the marker stands before it.
    private func number(_ frame: UnsafeRawBufferPointer, at: Int) -> UInt64? {
        guard at >= 2, at + Publication.digits < frame.count, frame[at - 1] == UInt8(ascii: "@"),
            frame[at + Publication.digits] == UInt8(ascii: "@")
        else { return nil }
        return frame.number(at: at)
    }

    private mutating func findAll(_ frame: UnsafeRawBufferPointer, _ body: (UInt64) -> Void) {
        if !carry.isEmpty {
            let joined = carry + frame.prefix(NumberFinder.width - 1)
            carry = []
            joined.withUnsafeBytes { bytes in
                if let at = bytes.after("@@"), let number = number(bytes, at: at) { body(number) }
            }
        }
        var start = 0
        while start < frame.count {
            let rest = UnsafeRawBufferPointer(rebasing: frame[start...])
            guard let at = rest.after("@@") else { break }
            guard let number = number(rest, at: at) else {
                if rest.count - at <= Publication.digits { carry = Array(rest[(at - 2)...]) }
                return
            }
            body(number)
            start += at + Publication.digits + 1
        }
        if frame.last == UInt8(ascii: "@"), start < frame.count { carry = [UInt8(ascii: "@")] }
    }
}
