/// What somebody does at a keyboard.
enum Key: Equatable {
    case text(Character)
    case enter, backspace, delete
    case left, right, wordLeft, wordRight, home, end, up, down
    case killToEnd, killToStart, killWord
    case clear
    /// Ctrl-C, and Ctrl-D on an empty line.
    case interrupt, endOfInput
}

/// Bytes of a terminal in raw mode to keys: UTF-8, and the escape sequences that xterm and its kin send. Whatever it does
/// not know it leaves out.
struct KeyDecoder {
    private var bytes: [UInt8] = []

    mutating func decode(_ input: some Sequence<UInt8>) -> [Key] {
        bytes += input
        var keys: [Key] = []
        while let (key, length) = next() {
            bytes.removeFirst(length)
            if let key { keys.append(key) }
        }
        return keys
    }

    /// The first key and how many bytes it takes; nil while more have to come.
    private func next() -> (Key?, Int)? {
        guard let first = bytes.first else { return nil }
        switch first {
        case 0x1B: return escape()
        case 0x20..<0x7F: return (.text(Character(Unicode.Scalar(first))), 1)
        case 0..<0x20, 0x7F: return (KeyDecoder.control(first), 1)
        default: return scalar(first)
        }
    }

    private static func control(_ byte: UInt8) -> Key? {
        switch byte {
        case 0x01: .home
        case 0x02: .left
        case 0x03: .interrupt
        case 0x04: .endOfInput
        case 0x05: .end
        case 0x06: .right
        case 0x08, 0x7F: .backspace
        case 0x0A, 0x0D: .enter
        case 0x0B: .killToEnd
        case 0x0C: .clear
        case 0x0E: .down
        case 0x10: .up
        case 0x15: .killToStart
        case 0x17: .killWord
        default: nil
        }
    }

    private func scalar(_ first: UInt8) -> (Key?, Int)? {
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1
        guard bytes.count >= length else { return nil }
        let text = String(decoding: bytes[..<length], as: UTF8.self)
        guard text.unicodeScalars.count == 1, let character = text.first, character != "\u{FFFD}" else {
            return (nil, 1)
        }
        return (.text(character), length)
    }

    private func escape() -> (Key?, Int)? {
        guard bytes.count >= 2 else { return nil }
        switch bytes[1] {
        case UInt8(ascii: "b"): return (.wordLeft, 2)
        case UInt8(ascii: "f"): return (.wordRight, 2)
        case 0x7F: return (.killWord, 2)
        case UInt8(ascii: "["), UInt8(ascii: "O"): break
        default: return (nil, 1)
        }
        // Parameters, then one byte that says what it is (ECMA-48 section 5.4).
        guard let end = bytes.dropFirst(2).firstIndex(where: { (0x40...0x7E).contains($0) }) else {
            return bytes.count > 32 ? (nil, bytes.count) : nil
        }
        let parameters = String(decoding: bytes[2..<end], as: UTF8.self)
        return (KeyDecoder.sequence(bytes[end], parameters), end + 1)
    }

    private static func sequence(_ last: UInt8, _ parameters: String) -> Key? {
        let isWithControl = parameters.hasSuffix(";5") || parameters.hasSuffix(";3")
        switch (Character(Unicode.Scalar(last)), parameters) {
        case ("A", _): return .up
        case ("B", _): return .down
        case ("C", _): return isWithControl ? .wordRight : .right
        case ("D", _): return isWithControl ? .wordLeft : .left
        case ("H", _), ("~", "1"), ("~", "7"): return .home
        case ("F", _), ("~", "4"), ("~", "8"): return .end
        case ("~", "3"): return .delete
        default: return nil
        }
    }
}
