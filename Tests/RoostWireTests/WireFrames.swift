import NIOCore
import RoostCore
import RoostWire

/// A WebSocket frame as bytes, right or wrong in every way.
struct RawFrame {
    var isFinal = true
    var reserved: UInt8 = 0
    var opcode: UInt8
    var mask: [UInt8]?
    var payload: [UInt8] = []
    /// What the header says instead of the payload's length.
    var announced: UInt64?
    /// 7, 16 or 64 bits for the length; nil: as few as will do.
    var lengthBits: Int?

    static let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

    static func text(_ text: String, isFinal: Bool = true, mask: [UInt8]? = key) -> RawFrame {
        RawFrame(isFinal: isFinal, opcode: 1, mask: mask, payload: Array(text.utf8))
    }

    static func binary(_ payload: [UInt8], isFinal: Bool = true, mask: [UInt8]? = key) -> RawFrame {
        RawFrame(isFinal: isFinal, opcode: 2, mask: mask, payload: payload)
    }

    static func more(_ payload: [UInt8], isFinal: Bool = true, mask: [UInt8]? = key) -> RawFrame {
        RawFrame(isFinal: isFinal, opcode: 0, mask: mask, payload: payload)
    }

    static func more(_ text: String, isFinal: Bool = true) -> RawFrame { more(Array(text.utf8), isFinal: isFinal) }

    static func control(_ opcode: UInt8, _ payload: [UInt8] = [], mask: [UInt8]? = key) -> RawFrame {
        RawFrame(opcode: opcode, mask: mask, payload: payload)
    }

    static func close(_ code: UInt16, _ reason: [UInt8] = []) -> RawFrame {
        control(8, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
        let length = announced ?? UInt64(payload.count)
        let masked: UInt8 = mask == nil ? 0 : 0x80
        func big(_ count: Int) -> [UInt8] {
            (0..<count).reversed().map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
        }
        switch lengthBits ?? (length < 126 ? 7 : length < 65_536 ? 16 : 64) {
        case 7: bytes.append(masked | UInt8(length))
        case 16: bytes += [masked | 126] + big(2)
        default: bytes += [masked | 127] + big(8)
        }
        guard let mask else { return bytes + payload }
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }
}

/// What a decoder has made of some bytes: what it handed out, and what it ended with.
struct Reading: Equatable, CustomStringConvertible {
    var outputs: [WebSocketDecoder.Output] = []
    var violation: CloseCode?

    /// Feeds the bytes in pieces that end at `cuts`.
    init(
        _ bytes: [UInt8], cuts: [Int] = [], side: WebSocketDecoder.Side = .server, limit: Int = 65_536,
        inflater: Inflater? = nil
    ) {
        var decoder = WebSocketDecoder(side: side, maxMessageBytes: limit, inflater: inflater)
        var buffer = ByteBuffer()
        var from = 0
        do throws(WebSocketDecoder.Violation) {
            for cut in cuts + [bytes.count] {
                buffer.writeBytes(bytes[from..<cut])
                from = cut
                while let output = try decoder.next(from: &buffer) { outputs.append(output) }
                // As a handler does with what has been read.
                if cut % 3 == 0 { buffer.discardReadBytes() }
            }
        } catch { violation = error.code }
    }

    init(
        _ frames: [RawFrame], side: WebSocketDecoder.Side = .server, limit: Int = 65_536, inflater: Inflater? = nil
    ) {
        self.init(frames.flatMap(\.bytes), side: side, limit: limit, inflater: inflater)
    }

    init(outputs: [WebSocketDecoder.Output], violation: CloseCode? = nil) {
        self.outputs = outputs
        self.violation = violation
    }

    var description: String {
        let parts = outputs.map { output -> String in
            switch output {
            case .text(let buffer):
                "text \(String(buffer: buffer).prefix(40).debugDescription) (\(buffer.readableBytes))"
            case .binary(let buffer): "binary (\(buffer.readableBytes))"
            case .ping(let buffer): "ping (\(buffer.readableBytes))"
            case .pong(let buffer): "pong (\(buffer.readableBytes))"
            case .close(let code, _): "close \(code.map { "\($0)" } ?? "-")"
            }
        }
        return (parts + [violation.map { "violation \($0.rawValue)" } ?? "open"]).joined(separator: ", ")
    }
}

func text(_ text: String) -> WebSocketDecoder.Output { .text(ByteBuffer(string: text)) }
func binary(_ bytes: [UInt8]) -> WebSocketDecoder.Output { .binary(ByteBuffer(bytes: bytes)) }
