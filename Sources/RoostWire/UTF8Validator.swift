/// Checks UTF-8 (RFC 3629) in pieces as they come, and fails at the first wrong byte.
public struct UTF8Validator: Sendable {
    private var missing: UInt8 = 0
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xBF

    public init() {}

    /// Whether the text so far ends between characters.
    public var isComplete: Bool { missing == 0 }

    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        return validator.feed(bytes) && validator.isComplete
    }

    public mutating func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var at = 0
        while at < bytes.count {
            if missing == 0 {
                // Eight plain ASCII bytes at a time.
                while at + 8 <= bytes.count,
                    bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                { at += 8 }
                guard at < bytes.count else { break }
            }
            guard step(bytes[at]) else { return false }
            at += 1
        }
        return true
    }

    private mutating func step(_ byte: UInt8) -> Bool {
        guard missing == 0 else {
            guard low <= byte, byte <= high else { return false }
            missing -= 1
            (low, high) = (0x80, 0xBF)
            return true
        }
        (low, high) = (0x80, 0xBF)
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: missing = 1
        case 0xE0: (missing, low) = (2, 0xA0)
        case 0xED: (missing, high) = (2, 0x9F)
        case 0xE1...0xEF: missing = 2
        case 0xF0: (missing, low) = (3, 0x90)
        case 0xF4: (missing, high) = (3, 0x8F)
        case 0xF1...0xF3: missing = 3
        default: return false
        }
        return true
    }
}
