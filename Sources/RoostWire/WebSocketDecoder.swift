public import NIOCore
public import RoostCore

/// Turns the bytes of one WebSocket connection into messages and control frames (RFC 6455 section 5), compressed ones
/// inflated (RFC 7692).
///
/// A frame that is whole in the buffer is unmasked in place and handed out as a slice of it. Of a frame that is not, the
/// bytes are taken as they come, so that wrong text fails at once and nothing is looked at twice.
///
/// A compressed message is gathered, and inflated when it is all there: one inflater may serve many connections.
public struct WebSocketDecoder {
    public enum Output: Sendable, Equatable {
        case text(ByteBuffer)
        case binary(ByteBuffer)
        case ping(ByteBuffer)
        case pong(ByteBuffer)
        /// `code` nil: the peer gave none.
        case close(code: UInt16?, reason: String = "")
    }

    /// The peer broke the protocol: close with this.
    public struct Violation: Error, Sendable, Equatable {
        public var code: CloseCode
        public var reason: String
    }

    public enum Side: Sendable {
        /// Reads what clients send: every frame must be masked.
        case server
        /// Reads what a server sends: no frame may be masked.
        case client
    }

    struct Frame: Sendable {
        var isFinal: Bool
        var opcode: WebSocketOpcode
        /// RSV1, which says that the message is compressed (RFC 7692 section 6).
        var isDeflated: Bool
        var mask: UInt32?
        var length: Int
        var taken = 0
    }

    private let side: Side
    private let maxMessageBytes: Int
    /// What inflates; nil where no compression was agreed on.
    private let inflater: Inflater?
    private var frame: Frame?
    /// The message under way, over several frames or reads, and what it is.
    private var message: ByteBuffer?
    private var messageOpcode = WebSocketOpcode.text
    private var isDeflated = false
    private var utf8 = UTF8Validator()
    /// Bytes of the message so far, an empty fragment counting as one, so that there is an end to those too.
    private var spent = 0
    private var control: ByteBuffer?

    /// - Parameters:
    ///   - maxMessageBytes: bytes of one message, after inflating.
    ///   - inflater: inflates messages where permessage-deflate was agreed on. It may be that of other connections of the
    ///     same loop, unless it keeps its context.
    public init(side: Side, maxMessageBytes: Int, inflater: Inflater? = nil) {
        self.side = side
        self.maxMessageBytes = maxMessageBytes
        self.inflater = inflater
    }

    /// Whether the next byte is the first of a message or of a control frame, and no message is under way.
    var isBetweenMessages: Bool { frame == nil && message == nil }

    /// The next thing in `buffer`; nil if that needs more bytes. Consumes what it has looked at.
    public mutating func next(from buffer: inout ByteBuffer) throws(Violation) -> Output? {
        while true {
            if frame == nil {
                guard let header = try readHeader(&buffer) else { return nil }
                try admit(header)
                frame = header
            }
            guard let current = frame else { return nil }
            guard let output = try current.opcode.isControl ? takeControl(&buffer) : takeData(&buffer) else {
                if frame == nil { continue }
                return nil
            }
            return output
        }
    }

    // MARK: Header

    private func readHeader(_ buffer: inout ByteBuffer) throws(Violation) -> Frame? {
        let start = buffer.readerIndex
        guard let first = buffer.getInteger(at: start, as: UInt8.self),
            let second = buffer.getInteger(at: start + 1, as: UInt8.self)
        else { return nil }
        guard let opcode = WebSocketOpcode(rawValue: first & 15) else { throw broken("The opcode is unknown.") }
        let isDeflated = first & 0x40 != 0
        guard first & 0x30 == 0, !isDeflated || (inflater != nil && opcode.beginsMessage) else {
            throw broken("A reserved bit is set where no extension gives it a meaning.")
        }
        let isMasked = second & 0x80 != 0
        guard isMasked == (side == .server) else {
            throw broken(isMasked ? "A server must not mask." : "A client must mask its frames.")
        }
        var at = start + 2
        guard let length = try payloadLength(buffer, code: second & 0x7F, &at) else { return nil }
        var mask: UInt32?
        if isMasked {
            guard let key = buffer.getInteger(at: at, endianness: .host, as: UInt32.self) else { return nil }
            mask = key
            at += 4
        }
        buffer.moveReaderIndex(to: at)
        return Frame(
            isFinal: first & 0x80 != 0, opcode: opcode, isDeflated: isDeflated, mask: mask, length: length)
    }

    private func payloadLength(_ buffer: ByteBuffer, code: UInt8, _ at: inout Int) throws(Violation) -> Int? {
        switch code {
        case 126:
            defer { at += 2 }
            return buffer.getInteger(at: at, as: UInt16.self).map(Int.init)
        case 127:
            guard let length = buffer.getInteger(at: at, as: UInt64.self) else { return nil }
            guard let length = Int(exactly: length) else { throw broken("The frame's length is impossible.") }
            at += 8
            return length
        default: return Int(code)
        }
    }

    private mutating func admit(_ header: Frame) throws(Violation) {
        if header.opcode.isControl {
            guard header.isFinal, header.length <= 125 else {
                throw broken("A control frame is fragmented or longer than 125 bytes.")
            }
            return
        }
        if header.opcode == .continuation {
            guard message != nil else { throw broken("A continuation without a beginning.") }
        } else {
            guard message == nil else { throw broken("A new message began inside another.") }
            messageOpcode = header.opcode
            isDeflated = header.isDeflated
            utf8 = UTF8Validator()
            spent = 0
        }
        let cost = max(header.length, header.isFinal ? 0 : 1)
        // The length is the peer's word: compare before adding.
        guard cost <= (isDeflated ? Inflater.mostBytes(of: maxMessageBytes) : maxMessageBytes) - spent else {
            throw tooBig
        }
        spent += cost
    }

    // MARK: Payload

    private mutating func takeControl(_ buffer: inout ByteBuffer) throws(Violation) -> Output? {
        guard let frame, var payload = buffer.readSlice(length: frame.length) else { return nil }
        self.frame = nil
        unmask(&payload, frame)
        switch frame.opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        default: return try close(payload)
        }
    }

    private func close(_ payload: ByteBuffer) throws(Violation) -> Output {
        if payload.readableBytes == 0 { return .close(code: nil) }
        guard let code = payload.getInteger(at: payload.readerIndex, as: UInt16.self) else {
            throw broken("The close frame is one byte long.")
        }
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: break
        default: throw broken("The close code \(code) is not allowed.")
        }
        let isText = payload.withUnsafeReadableBytes {
            UTF8Validator.isValid(UnsafeRawBufferPointer(rebasing: $0.dropFirst(2)))
        }
        guard isText else { throw Violation(code: .badUTF8, reason: "The close reason is not UTF-8.") }
        let reason = payload.getString(at: payload.readerIndex + 2, length: payload.readableBytes - 2)
        return .close(code: code, reason: reason ?? "")
    }

    private mutating func takeData(_ buffer: inout ByteBuffer) throws(Violation) -> Output? {
        guard var frame else { return nil }
        let available = min(buffer.readableBytes, frame.length - frame.taken)
        guard var piece = buffer.readSlice(length: available) else { return nil }
        unmask(&piece, frame)
        if messageOpcode == .text, !isDeflated, !piece.withUnsafeReadableBytes({ utf8.feed($0) }) {
            throw WebSocketDecoder.badText
        }
        frame.taken += available
        let isWhole = frame.taken == frame.length
        self.frame = isWhole ? nil : frame
        if isWhole, frame.isFinal, message == nil {
            return try finish(piece)
        }
        if message == nil { message = ByteBuffer() }
        message?.writeBuffer(&piece)
        guard isWhole, frame.isFinal, let whole = message else { return nil }
        message = nil
        return try finish(whole)
    }

    private func finish(_ payload: ByteBuffer) throws(Violation) -> Output {
        if isDeflated, let inflater { return try inflate(payload, inflater) }
        guard messageOpcode == .text else { return .binary(payload) }
        guard utf8.isComplete else { throw WebSocketDecoder.badText }
        return .text(payload)
    }

    private func inflate(_ payload: ByteBuffer, _ inflater: Inflater) throws(Violation) -> Output {
        let message: ByteBuffer
        do throws(Inflater.Failure) {
            message = try inflater.inflate(payload, atMost: maxMessageBytes)
        } catch {
            switch error {
            case .tooBig: throw tooBig
            case .corrupt: throw Violation(code: .badUTF8, reason: "The message can't be inflated.")
            }
        }
        guard messageOpcode == .text else { return .binary(message) }
        guard message.withUnsafeReadableBytes(UTF8Validator.isValid) else { throw WebSocketDecoder.badText }
        return .text(message)
    }

    private var tooBig: Violation {
        Violation(code: .tooBig, reason: "A message may have \(maxMessageBytes) bytes at most.")
    }

    static let badText = Violation(code: .badUTF8, reason: "The text is not UTF-8.")

    private func broken(_ reason: String) -> Violation { Violation(code: .protocolError, reason: reason) }

    private func unmask(_ payload: inout ByteBuffer, _ frame: Frame) {
        guard let mask = frame.mask, mask != 0 else { return }
        // The payload may begin in the middle of a frame: turn the key to where it stands.
        let turn = UInt32(frame.taken & 3) * 8
        let key = turn == 0 ? mask : (mask.littleEndian >> turn | mask.littleEndian << (32 - turn)).littleEndian
        payload.withUnsafeMutableReadableBytes { xor($0, key) }
    }
}

/// The opcodes of RFC 6455 section 5.2.
public enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue & 8 != 0 }
    var beginsMessage: Bool { self == .text || self == .binary }
}

/// Masks or unmasks in place; `key` as it stands in memory.
func xor(_ bytes: UnsafeMutableRawBufferPointer, _ key: UInt32) {
    let wide = UInt64(key) << 32 | UInt64(key)
    var at = 0
    while at + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        bytes.storeBytes(of: word ^ wide, toByteOffset: at, as: UInt64.self)
        at += 8
    }
    let little = key.littleEndian
    while at < bytes.count {
        bytes[at] ^= UInt8(truncatingIfNeeded: little >> (UInt32(at & 3) * 8))
        at += 1
    }
}
