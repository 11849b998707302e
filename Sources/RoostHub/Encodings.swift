import NIOCore
import RoostCore
import RoostWire

/// A stretch of messages as bytes on the wire, made once per dialect and audience, compressed or not, and only for those
/// who listen.
///
/// All messages of the stretch are joined into one buffer, so that each reader costs one write.
struct Encodings {
    private let messages: ArraySlice<Message>
    private var native: ByteBuffer?
    private var simple: ByteBuffer?
    private var created: ByteBuffer?
    /// The same three compressed; empty until somebody wants one of them.
    private var deflated: [ByteBuffer?] = []

    init(_ messages: ArraySlice<Message>) { self.messages = messages }

    /// Empty where this audience hears nothing of the stretch.
    mutating func frames(for dialect: Dialect, onlyCreated: Bool) -> ByteBuffer {
        switch dialect {
        case .native:
            let frames = native ?? encodeNative()
            native = frames
            return frames
        case .simple where onlyCreated:
            let frames = created ?? encodeSimple(messages.filter { $0.kind == .created })
            created = frames
            return frames
        case .simple:
            let frames = simple ?? encodeSimple(Array(messages))
            simple = frames
            return frames
        }
    }

    /// The same, compressed by `deflater`, if there is one.
    mutating func frames(for dialect: Dialect, onlyCreated: Bool, by deflater: Deflater?) -> ByteBuffer {
        guard let deflater else { return frames(for: dialect, onlyCreated: onlyCreated) }
        if deflated.isEmpty { deflated = [nil, nil, nil] }
        let slot = dialect == .native ? 0 : onlyCreated ? 1 : 2
        if let known = deflated[slot] { return known }
        let made = deflater.deflate(frames: frames(for: dialect, onlyCreated: onlyCreated))
        deflated[slot] = made
        return made
    }

    private func encodeNative() -> ByteBuffer {
        var out = Encodings.buffer(for: messages)
        for message in messages {
            out.putFrame(.text) { NativeEncoder.put(message, into: &$0) }
        }
        return out
    }

    private func encodeSimple(_ messages: [Message]) -> ByteBuffer {
        var out = Encodings.buffer(for: messages[...])
        for message in messages { SimpleEncoder.put(message, into: &out) }
        return out
    }

    /// With room for the frames of these.
    static func buffer(for messages: ArraySlice<Message>) -> ByteBuffer {
        let size = messages.reduce(0) { $0 + $1.content.bytes.count + 256 }
        return ByteBufferAllocator().buffer(capacity: size)
    }
}

extension Event {
    /// The event as whole frames for one connection.
    func frames(for connection: Connection, id: String, now: Timestamp) -> ByteBuffer {
        var out = ByteBufferAllocator().buffer(capacity: 256)
        switch connection.dialect {
        case .native: out.putFrame(.text) { NativeEncoder.put(self, id: id, now: now, into: &$0) }
        case .simple: SimpleEncoder.put(self, to: connection.identity, now: now, into: &out)
        }
        return out
    }
}
