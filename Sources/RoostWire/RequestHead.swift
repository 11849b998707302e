public import NIOCore

/// The head of an HTTP/1.1 request (RFC 9112), parsed just far enough to tell a WebSocket handshake from the rest.
///
/// What is no handshake goes on to the HTTP server as the bytes in which it came, so nothing here needs to be lenient.
public struct RequestHead: Sendable, Equatable {
    public var method: String
    /// Path and query as sent.
    public var target: String
    public var headers: [(name: String, value: String)]

    public enum Parse: Sendable, Equatable {
        /// There is no end of the head yet.
        case incomplete
        /// The head is `length` bytes long.
        case complete(RequestHead, length: Int)
        /// Not the head of an HTTP/1.1 request as we read it: let the HTTP server judge.
        case foreign
    }

    public static func parse(_ buffer: ByteBuffer) -> Parse {
        buffer.withUnsafeReadableBytes { bytes in
            guard let length = endOfHead(bytes) else { return .incomplete }
            guard let head = RequestHead(bytes[..<length]) else { return .foreign }
            return .complete(head, length: length)
        }
    }

    /// The first value of a header; `name` in lower case.
    public func first(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// All values of a header that is a comma-separated list.
    public func list(_ name: String) -> [String] {
        var values: [String] = []
        for header in headers where header.name == name {
            for value in header.value.utf8.split(separator: UInt8(ascii: ",")) { values.append(text(trimmed(value))) }
        }
        return values
    }

    /// Whether the header's list has the token, whatever its case; `token` in lower case.
    public func has(_ name: String, token: String) -> Bool {
        headers.contains { header in
            guard header.name == name else { return false }
            // Most often it is all there is.
            if isSame(header.value.utf8, token.utf8) { return true }
            return header.value.utf8.split(separator: UInt8(ascii: ",")).contains { isSame(trimmed($0), token.utf8) }
        }
    }

    public var path: String { text(target.utf8.prefix { $0 != UInt8(ascii: "?") }) }

    /// The query's parameters, percent-decoded; of a repeated one the first counts.
    public var query: [String: String] {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return [:] }
        return parseQuery(target[target.index(after: mark)...])
    }

    private init?(_ bytes: Slice<UnsafeRawBufferPointer>) {
        // Bytes, not characters: a grapheme has no business in a head, and looking for one costs.
        var lines = bytes.split(separator: 0x0A)[...]
        guard let first = lines.popFirst() else { return nil }
        let request = first.dropLast().split(separator: 0x20, omittingEmptySubsequences: false)
        guard request.count == 3, request[2].elementsEqual("HTTP/1.1".utf8), first.last == 0x0D else { return nil }
        method = text(request[0])
        target = text(request[1])
        headers = []
        headers.reserveCapacity(lines.count)
        for line in lines {
            guard line.last == 0x0D else { return nil }
            let field = line.dropLast()
            if field.isEmpty { continue }
            guard let colon = field.firstIndex(of: UInt8(ascii: ":")), colon != field.startIndex else { return nil }
            headers.append((lowercased(field[..<colon]), text(trimmed(field[field.index(after: colon)...]))))
        }
    }

    private static func endOfHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var at = 3
        while at < bytes.count {
            // Look only where a head can end.
            if bytes[at] == 0x0A, bytes[at - 1] == 0x0D, bytes[at - 2] == 0x0A, bytes[at - 3] == 0x0D { return at + 1 }
            at += 1
        }
        return nil
    }

    public static func == (a: RequestHead, b: RequestHead) -> Bool {
        a.method == b.method && a.target == b.target
            && a.headers.elementsEqual(b.headers) { $0.name == $1.name && $0.value == $1.value }
    }
}

private func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

/// In lower case, as far as it is ASCII.
private func lowercased(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    String(unsafeUninitializedCapacity: bytes.count) { out in
        for (index, byte) in bytes.enumerated() { out.initializeElement(at: index, to: lower(byte)) }
        return bytes.count
    }
}

private func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

/// Whether the bytes are those of `token`, which is in lower case.
private func isSame(_ bytes: some Collection<UInt8>, _ token: String.UTF8View) -> Bool {
    bytes.count == token.count && bytes.elementsEqual(token) { lower($0) == $1 }
}

/// Without spaces and tabs around it.
private func trimmed<Bytes: BidirectionalCollection<UInt8>>(_ bytes: Bytes) -> Bytes.SubSequence {
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
    guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) })
    else { return bytes[bytes.endIndex...] }
    return bytes[first...last]
}

/// The parameters of `a=b&c=d`, percent-decoded, `+` being a space; what is no UTF-8 or a broken escape is left out.
public func parseQuery(_ query: some StringProtocol) -> [String: String] {
    var result: [String: String] = [:]
    for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
        let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        guard let key = percentDecoded(text(parts[0])),
            let value = percentDecoded(parts.count > 1 ? text(parts[1]) : "")
        else { continue }
        if result[key] == nil { result[key] = value }
    }
    return result
}

/// The text behind `%XX` escapes; nil if an escape is broken or the result is no UTF-8.
public func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool = true) -> String? {
    guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%") {
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                return nil
            }
            bytes.append(UInt8(high << 4 | low))
        } else {
            bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}
