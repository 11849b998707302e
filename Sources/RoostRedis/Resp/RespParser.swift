/// Makes replies of bytes that come in pieces of any size.
///
/// It takes all it is given and keeps what is begun, so a reply costs the same whether it comes in one piece or in ten
/// thousand. After an error nothing more can be made of the stream.
struct RespParser: Sendable {
    struct Limits: Sendable {
        /// Bytes of a line, which is everything but strings with a length.
        var lineBytes = 65_536
        /// Bytes of all strings of one reply.
        var replyBytes = 256 << 20
        /// Items of one reply, of all its lists together.
        var items = 4 << 20
        var depth = 16
    }

    /// A list that is not full yet.
    private struct Open {
        enum Kind { case list, push, attributes }
        let kind: Kind
        var missing: Int
        var items: [RespValue] = []
    }

    private enum Stage {
        case type
        /// Within a line that began with this byte.
        case line(UInt8)
        /// Within a string; so many of its bytes are missing.
        case string(UInt8, missing: Int)
        /// Behind a string; so many bytes of its line end are missing.
        case stringEnd(UInt8, missing: Int)
    }

    private let limits: Limits
    private var stage = Stage.type
    /// Of the line or the string that is begun.
    private var begun: [UInt8] = []
    private var open: [Open] = []
    private var bytesLeft: Int
    private var itemsLeft: Int

    init(limits: Limits = Limits()) {
        self.limits = limits
        bytesLeft = limits.replyBytes
        itemsLeft = limits.items
    }

    /// Takes all of `bytes`, and adds the replies that they complete.
    mutating func read(_ bytes: UnsafeRawBufferPointer, into replies: inout [RespValue]) throws(RespError) {
        var place = 0
        while place < bytes.count {
            switch stage {
            case .type:
                stage = .line(bytes[place])
                place += 1
            case .line(let type):
                guard try readLine(bytes, from: &place) else { return }
                try end(lineOf: type, into: &replies)
            case .string(let type, let missing):
                let count = min(missing, bytes.count - place)
                begun.append(contentsOf: bytes[place..<place + count])
                place += count
                stage = count == missing ? .stringEnd(type, missing: 2) : .string(type, missing: missing - count)
            case .stringEnd(let type, let missing):
                guard bytes[place] == (missing == 2 ? cr : lf) else { throw .badLineEnd }
                place += 1
                if missing == 2 {
                    stage = .stringEnd(type, missing: 1)
                } else {
                    try end(stringOf: type, into: &replies)
                }
            }
        }
    }

    /// Adds to the line that is begun; whether that ends it.
    private mutating func readLine(_ bytes: UnsafeRawBufferPointer, from place: inout Int) throws(RespError) -> Bool {
        var end = place
        while end < bytes.count, bytes[end] != lf { end += 1 }
        guard begun.count + end - place <= limits.lineBytes else { throw .lineTooLong(limit: limits.lineBytes) }
        begun.append(contentsOf: bytes[place..<end])
        place = end
        guard end < bytes.count else { return false }
        place += 1
        guard begun.popLast() == cr else { throw .badLineEnd }
        return true
    }

    private mutating func end(lineOf type: UInt8, into replies: inout [RespValue]) throws(RespError) {
        defer { if case .line = stage { stage = .type } }
        switch type {
        case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"): try begin(stringOf: type, into: &replies)
        case UInt8(ascii: "*"), UInt8(ascii: "~"): try begin(.list, perItem: 1, into: &replies)
        case UInt8(ascii: "%"): try begin(.list, perItem: 2, into: &replies)
        case UInt8(ascii: ">"): try begin(.push, perItem: 1, into: &replies)
        case UInt8(ascii: "|"): try begin(.attributes, perItem: 2, into: &replies)
        default: try add(try value(ofLine: takeBegun(), type), into: &replies)
        }
    }

    private func value(ofLine line: [UInt8], _ type: UInt8) throws(RespError) -> RespValue {
        switch type {
        case UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: "("):
            return .text(String(decoding: line, as: UTF8.self))
        case UInt8(ascii: "-"): return .error(String(decoding: line, as: UTF8.self))
        case UInt8(ascii: ":"): return .integer(Int64(try number(line)))
        case UInt8(ascii: "_"): return .null
        case UInt8(ascii: "#"): return .bool(line == [UInt8(ascii: "t")])
        default: throw .unknownType(type)
        }
    }

    private mutating func begin(stringOf type: UInt8, into replies: inout [RespValue]) throws(RespError) {
        let length = try number(takeBegun())
        guard length >= 0 else { return try add(.null, into: &replies) }
        guard length <= bytesLeft else { throw .tooManyBytes(limit: limits.replyBytes) }
        bytesLeft -= length
        // What is announced is not believed beyond this before it comes.
        begun.reserveCapacity(min(length, 1 << 20))
        stage = length == 0 ? .stringEnd(type, missing: 2) : .string(type, missing: length)
    }

    private mutating func end(stringOf type: UInt8, into replies: inout [RespValue]) throws(RespError) {
        stage = .type
        let bytes = takeBegun()
        switch type {
        case UInt8(ascii: "!"): try add(.error(String(decoding: bytes, as: UTF8.self)), into: &replies)
        // `txt:` or `mkd:` goes before the text.
        case UInt8(ascii: "="): try add(.bytes(Array(bytes.dropFirst(4))), into: &replies)
        default: try add(.bytes(bytes), into: &replies)
        }
    }

    private mutating func begin(
        _ kind: Open.Kind, perItem: Int, into replies: inout [RespValue]
    ) throws(RespError) {
        let count = try number(takeBegun())
        guard count >= 0 else { return try add(.null, into: &replies) }
        guard count <= itemsLeft / perItem else { throw .tooManyItems(limit: limits.items) }
        guard open.count < limits.depth else { throw .tooDeep(limit: limits.depth) }
        itemsLeft -= count * perItem
        var list = Open(kind: kind, missing: count * perItem)
        list.items.reserveCapacity(min(list.missing, 1024))
        open.append(list)
        if count == 0 { try close(into: &replies) }
    }

    /// Puts a value where it belongs, and ends the lists that it fills.
    private mutating func add(_ value: RespValue, into replies: inout [RespValue]) throws(RespError) {
        guard !open.isEmpty else {
            replies.append(value)
            (bytesLeft, itemsLeft) = (limits.replyBytes, limits.items)
            return
        }
        open[open.count - 1].items.append(value)
        open[open.count - 1].missing -= 1
        if open[open.count - 1].missing == 0 { try close(into: &replies) }
    }

    private mutating func close(into replies: inout [RespValue]) throws(RespError) {
        let full = open.removeLast()
        switch full.kind {
        case .list: try add(.list(full.items), into: &replies)
        case .push: try add(.push(full.items), into: &replies)
        // Remarks on the reply that follows, of which we ask for none.
        case .attributes: break
        }
    }

    private mutating func takeBegun() -> [UInt8] {
        defer { begun = [] }
        return begun
    }
}

private let cr = UInt8(ascii: "\r")
private let lf = UInt8(ascii: "\n")

/// A whole number with an optional sign.
private func number(_ line: [UInt8]) throws(RespError) -> Int {
    let isNegative = line.first == UInt8(ascii: "-")
    let digits = isNegative || line.first == UInt8(ascii: "+") ? line.dropFirst() : line[...]
    guard !digits.isEmpty else { throw .badNumber }
    var sum = 0
    for byte in digits {
        guard (48...57).contains(byte) else { throw .badNumber }
        // Downwards, since the lowest number has no positive twin.
        let (tens, isLarge) = sum.multipliedReportingOverflow(by: 10)
        let (next, isLarger) = tens.subtractingReportingOverflow(Int(byte - 48))
        guard !isLarge, !isLarger else { throw .badNumber }
        sum = next
    }
    guard isNegative || sum != .min else { throw .badNumber }
    return isNegative ? sum : -sum
}
