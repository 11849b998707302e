#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A frame as a client sends it (RFC 6455 section 5.2), masked with zeros: the server has the same work with it, and
/// the generator none.
struct OutgoingFrame {
    enum Opcode: UInt8 {
        case text = 1
        case binary = 2
        case pong = 10
    }

    private(set) var bytes: [UInt8]
    /// Where the payload begins.
    private let header: Int

    init(_ opcode: Opcode, _ payload: some Collection<UInt8>) {
        let length = payload.count
        bytes = [0x80 | opcode.rawValue]
        if length < 126 {
            bytes.append(0x80 | UInt8(length))
        } else if length < 65_536 {
            bytes += [0x80 | 126, UInt8(length >> 8), UInt8(length & 255)]
        } else {
            bytes.append(0x80 | 127)
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(length >> shift & 255)) }
        }
        bytes += [0, 0, 0, 0]
        header = bytes.count
        bytes.append(contentsOf: payload)
    }

    init(_ opcode: Opcode, _ text: String) { self.init(opcode, text.utf8) }

    /// Writes a number with leading zeros into the payload, over `digits` bytes from `place` on.
    mutating func set(_ number: UInt64, at place: Int, digits: Int) {
        var left = number
        for index in stride(from: header + place + digits - 1, through: header + place, by: -1) {
            bytes[index] = UInt8(ascii: "0") + UInt8(left % 10)
            left /= 10
        }
    }
}
