/// One reply of Redis, of either version of its protocol (https://redis.io/docs/latest/develop/reference/protocol-spec/).
enum RespValue: Equatable, Sendable {
    /// A status, a big number, a double: text that Redis keeps on one line.
    case text(String)
    case error(String)
    case integer(Int64)
    case bytes([UInt8])
    case null
    case bool(Bool)
    /// Arrays and sets; maps too, as keys and values in turn, so that both versions of the protocol look alike.
    case list([RespValue])
    /// What nobody asked for now: posts, and what becomes of subscriptions.
    case push([RespValue])
}

extension RespValue {
    /// The text of a string of whatever kind; nil: it is none.
    var string: String? {
        switch self {
        case .text(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        default: nil
        }
    }

    var items: [RespValue]? {
        switch self {
        case .list(let items), .push(let items): items
        default: nil
        }
    }

    /// A number, which scripts and older servers also write as text.
    var number: Int64? {
        switch self {
        case .integer(let number): number
        case .text, .bytes: string.flatMap { Int64($0) }
        default: nil
        }
    }

    /// What a map has under `key`.
    func value(of key: String) -> RespValue? {
        guard let items else { return nil }
        for index in stride(from: 0, to: items.count - 1, by: 2) where items[index].string == key {
            return items[index + 1]
        }
        return nil
    }
}

/// Bytes that are no reply, or one larger than any that we ask for; the connection is of no more use.
enum RespError: Error, Equatable {
    /// A reply begins with a byte that the protocol doesn't know.
    case unknownType(UInt8)
    /// A length or a number is none.
    case badNumber
    /// What must end a line or a string is something else.
    case badLineEnd
    case lineTooLong(limit: Int)
    case tooManyBytes(limit: Int)
    case tooManyItems(limit: Int)
    case tooDeep(limit: Int)

    /// What happened and what to do, to follow "Redis at HOST:PORT".
    var reason: String {
        switch self {
        case .unknownType, .badNumber, .badLineEnd:
            "answers in something that is not Redis's protocol; see that --bus names the port of a Redis, and rediss:// "
                + "if it speaks TLS"
        case .lineTooLong(let limit): "sent a line of more than \(limit) bytes; see that --bus names a Redis"
        case .tooManyBytes(let limit): "sent a reply of more than \(limit) bytes, which is not read"
        case .tooManyItems(let limit): "sent a reply of more than \(limit) items, which is not read"
        case .tooDeep(let limit): "sent a reply of more than \(limit) levels, which is not read"
        }
    }
}
