import NIOCore

/// A command on its way to Redis: its name and arguments, as bytes.
struct RespCommand: Equatable, Sendable {
    var words: [RespWord]

    init(_ words: [RespWord]) { self.words = words }
}

/// One word of a command.
enum RespWord: Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    case text(String)
    case bytes([UInt8])

    init(stringLiteral text: String) { self = .text(text) }

    init(_ number: some BinaryInteger) { self = .text(String(number)) }
}

extension ByteBuffer {
    /// Writes a command as Redis reads it: a list of strings.
    mutating func writeCommand(_ command: RespCommand) {
        writeStaticString("*")
        writeString(String(command.words.count))
        writeStaticString("\r\n")
        for word in command.words { writeWord(word) }
    }

    /// Writes what sends one post, without a value being made of it.
    /// - Parameter verb: `PUBLISH` or `SPUBLISH`.
    mutating func writePost(_ verb: StaticString, _ channel: String, _ bytes: [UInt8]) {
        writeStaticString("*3\r\n$")
        writeString(String(verb.utf8CodeUnitCount))
        writeStaticString("\r\n")
        writeStaticString(verb)
        writeStaticString("\r\n")
        writeWord(.text(channel))
        writeWord(.bytes(bytes))
    }

    private mutating func writeWord(_ word: RespWord) {
        writeStaticString("$")
        switch word {
        case .text(let text):
            writeString(String(text.utf8.count))
            writeStaticString("\r\n")
            writeString(text)
        case .bytes(let bytes):
            writeString(String(bytes.count))
            writeStaticString("\r\n")
            writeBytes(bytes)
        }
        writeStaticString("\r\n")
    }
}
