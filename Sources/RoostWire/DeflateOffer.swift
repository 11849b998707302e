/// A client's wish to compress its messages: one element of `Sec-WebSocket-Extensions` (RFC 7692 section 7.1).
public struct DeflateOffer: Sendable, Equatable {
    /// The server is asked to compress each message by itself.
    public var serverNoContextTakeover = false
    /// The client says that it might do so without being told.
    public var clientNoContextTakeover = false
    /// The largest window that the client can inflate, as a power of two from 8 to 15; nil: any.
    public var serverMaxWindowBits: Int?
    /// Whether the client can be told how large its window may be.
    public var takesClientMaxWindowBits = false
    /// The window that the client means to use in any case; nil: it has not said.
    public var clientMaxWindowBits: Int?

    public init() {}

    /// The offers of a handshake that can be accepted, in the client's order. What has an unknown parameter, one twice
    /// or one with a value that it can't have is no offer (section 7.1), nor is any other extension.
    public static func all(in head: RequestHead) -> [DeflateOffer] {
        head.headers.filter { $0.name == "sec-websocket-extensions" }
            .flatMap { split($0.value[...], at: ",") }
            .compactMap { DeflateOffer($0) }
    }

    private init?(_ element: Substring) {
        let parts = split(element, at: ";").map(trimmed)
        guard parts.first == "permessage-deflate" else { return nil }
        var seen: Set<Substring> = []
        for part in parts.dropFirst() {
            let sides = split(part, at: "=").map(trimmed)
            guard sides.count <= 2, let name = sides.first, seen.insert(name).inserted,
                take(name, sides.count == 2 ? unquoted(sides[1]) : nil)
            else { return nil }
        }
    }

    /// False if there is no such parameter or it can't be that.
    private mutating func take(_ name: Substring, _ value: Substring?) -> Bool {
        switch (name, value) {
        case ("server_no_context_takeover", nil): serverNoContextTakeover = true
        case ("client_no_context_takeover", nil): clientNoContextTakeover = true
        case ("server_max_window_bits", let value?):
            serverMaxWindowBits = windowBits(value)
            return serverMaxWindowBits != nil
        case ("client_max_window_bits", let value):
            takesClientMaxWindowBits = true
            clientMaxWindowBits = value.flatMap(windowBits)
            return value == nil || clientMaxWindowBits != nil
        default: return false
        }
        return true
    }
}

/// What client and server have agreed on: how each compresses (RFC 7692 section 7).
public struct DeflateAgreement: Sendable, Equatable {
    /// How one side compresses.
    public struct Side: Sendable, Equatable {
        /// Whether a message may refer to those before it, for which both ends must remember them.
        public var keepsContext: Bool
        /// How far back, as a power of two from 8 to 15.
        public var windowBits: Int

        public init(keepsContext: Bool, windowBits: Int) {
            self.keepsContext = keepsContext
            self.windowBits = windowBits
        }
    }

    public var server: Side
    public var client: Side
    /// The value of `Sec-WebSocket-Extensions` in the answer.
    public var answer: String

    /// What the first offer comes to that can be met with every message compressed by itself, both ways, and the
    /// largest window here, so that one compressor serves all connections. An offer that allows the server a smaller
    /// window only is declined.
    public static func withoutContext(_ offers: [DeflateOffer]) -> DeflateAgreement? {
        guard let offer = offers.first(where: { $0.serverMaxWindowBits ?? 15 == 15 }) else { return nil }
        var answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        // Who asks for it must be answered, even if it asks for what is so anyway.
        if let bits = offer.serverMaxWindowBits { answer += "; server_max_window_bits=\(bits)" }
        // What the client takes for its own window can be read with the largest.
        let side = Side(keepsContext: false, windowBits: 15)
        return DeflateAgreement(server: side, client: side, answer: answer)
    }

    /// What the first offer comes to with everything as the client would have it. One that allows the server a window
    /// of 2^8 only is declined: zlib has none.
    public static func asAsked(_ offers: [DeflateOffer]) -> DeflateAgreement? {
        guard let offer = offers.first(where: { $0.serverMaxWindowBits ?? 15 > 8 }) else { return nil }
        var answer = "permessage-deflate"
        if offer.serverNoContextTakeover { answer += "; server_no_context_takeover" }
        if offer.clientNoContextTakeover { answer += "; client_no_context_takeover" }
        if let bits = offer.serverMaxWindowBits { answer += "; server_max_window_bits=\(bits)" }
        if let bits = offer.clientMaxWindowBits { answer += "; client_max_window_bits=\(bits)" }
        return DeflateAgreement(
            server: Side(
                keepsContext: !offer.serverNoContextTakeover, windowBits: offer.serverMaxWindowBits ?? 15),
            client: Side(
                keepsContext: !offer.clientNoContextTakeover, windowBits: offer.clientMaxWindowBits ?? 15),
            answer: answer)
    }
}

/// 8 to 15 without a leading zero (section 7.1.2); nil: it is none of these.
private func windowBits(_ text: Substring) -> Int? {
    guard let bits = Int(text), (8...15).contains(bits), text == "\(bits)" else { return nil }
    return bits
}

/// The pieces between separators that are in no quoted string (RFC 9110 section 5.6.4).
private func split(_ text: Substring, at separator: Character) -> [Substring] {
    var pieces: [Substring] = []
    var (start, at) = (text.startIndex, text.startIndex)
    var isQuoted = false
    while at < text.endIndex {
        let next = text.index(after: at)
        switch text[at] {
        case "\"": isQuoted.toggle()
        case "\\" where isQuoted && next < text.endIndex:
            at = text.index(after: next)
            continue
        case separator where !isQuoted:
            pieces.append(text[start..<at])
            start = next
        default: break
        }
        at = next
    }
    return pieces + [text[start...]]
}

/// A value that may be a quoted string, which must hold what could stand there without quotes (RFC 6455 section 9.1).
private func unquoted(_ text: Substring) -> Substring {
    guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
    return text.dropFirst().dropLast()
}

private func trimmed(_ text: Substring) -> Substring {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    var rest = text.drop(while: isSpace)
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    return rest
}
