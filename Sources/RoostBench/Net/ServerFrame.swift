/// A whole frame as a server sends it (RFC 6455 section 5.2): unmasked, where it was read.
struct ServerFrame {
    enum Opcode {
        static let text: UInt8 = 1
        static let binary: UInt8 = 2
        static let close: UInt8 = 8
        static let ping: UInt8 = 9
    }

    let opcode: UInt8
    /// Header and payload.
    let bytes: UnsafeRawBufferPointer
    private let header: Int

    var payload: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[header...]) }

    var isMessage: Bool { opcode == Opcode.text || opcode == Opcode.binary }

    /// The frame with which the bytes begin; nil as long as it is not all there.
    @inline(__always)
    init?(_ stream: UnsafeRawBufferPointer) {
        guard stream.count >= 2 else { return nil }
        var (length, header) = (Int(stream[1] & 127), 2)
        if length == 126 {
            guard stream.count >= 4 else { return nil }
            length = Int(stream[2]) << 8 | Int(stream[3])
            header = 4
        } else if length == 127 {
            guard stream.count >= 10 else { return nil }
            // What no buffer holds is never all there, and no sum of it may overflow.
            length = Int((2..<10).reduce(UInt64(0)) { $0 << 8 | UInt64(stream[$1]) } & (1 << 48 - 1))
            header = 10
        }
        guard stream.count - header >= length else { return nil }
        opcode = stream[0] & 15
        bytes = UnsafeRawBufferPointer(rebasing: stream[..<(header + length)])
        self.header = header
    }
}
