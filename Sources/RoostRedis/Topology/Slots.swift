/// A slot of Redis Cluster: a key's part in 16,384 (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
struct Slot: Hashable, Sendable {
    static let count = 16_384

    let number: Int

    init(number: Int) { self.number = number }

    /// The slot of a key or a channel: of what is between its first braces, if there is anything.
    init(of key: String) {
        let bytes = Array(key.utf8)
        var part = bytes[...]
        if let open = bytes.firstIndex(of: UInt8(ascii: "{")),
            let close = bytes[open...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        {
            part = bytes[open + 1..<close]
        }
        number = Int(Slot.crc16(part)) % Slot.count
    }

    /// CRC-16/XMODEM, by whose table Redis counts.
    static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
        var crc: UInt16 = 0
        for byte in bytes { crc = crc << 8 ^ table[Int(crc >> 8 ^ UInt16(byte)) & 0xFF] }
        return crc
    }

    private static let table: [UInt16] = (0..<256).map { byte in
        (0..<8).reduce(UInt16(byte) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }
}

/// Which server has which slot.
struct SlotMap: Equatable, Sendable {
    private(set) var owners: [RedisEndpoint?]

    /// One server has them all.
    init(all endpoint: RedisEndpoint) { owners = Array(repeating: endpoint, count: Slot.count) }

    /// What `CLUSTER SLOTS` answered; nil: that is none, or it names no server.
    /// - Parameter asked: who answered, for servers that name themselves by nothing.
    init?(_ reply: RespValue, asked: RedisEndpoint) {
        owners = Array(repeating: nil, count: Slot.count)
        guard let ranges = reply.items, !ranges.isEmpty else { return nil }
        for range in ranges {
            guard let range = range.items, range.count >= 3, let first = range[0].number, let last = range[1].number,
                let master = range[2].items, master.count >= 2, let port = master[1].number,
                0 <= first, first <= last, last < Slot.count
            else { return nil }
            let host = master[0].string ?? ""
            let owner = RedisEndpoint(host.isEmpty || host == "?" ? asked.host : host, Int(port))
            for slot in first...last { owners[Int(slot)] = owner }
        }
    }

    subscript(slot: Slot) -> RedisEndpoint? {
        get { owners[slot.number] }
        set { owners[slot.number] = newValue }
    }

    var endpoints: Set<RedisEndpoint> { Set(owners.compactMap { $0 }) }
}

/// `MOVED 3999 127.0.0.1:6381` or `ASK 3999 127.0.0.1:6381`.
struct Redirect: Equatable, Sendable {
    enum Kind { case moved, ask }

    let kind: Kind
    let slot: Slot
    let endpoint: RedisEndpoint

    /// Nil: the error is another one.
    /// - Parameter asked: who answered; it is the one meant where no host is named.
    init?(_ error: String, asked: RedisEndpoint) {
        let words = error.split(separator: " ")
        guard words.count == 3, words[0] == "MOVED" || words[0] == "ASK", let number = Int(words[1]),
            (0..<Slot.count).contains(number), let colon = words[2].lastIndex(of: ":"),
            let port = Int(words[2][words[2].index(after: colon)...])
        else { return nil }
        kind = words[0] == "ASK" ? .ask : .moved
        slot = Slot(number: number)
        let host = String(words[2][..<colon])
        endpoint = RedisEndpoint(host.isEmpty || host == "?" ? asked.host : host, port)
    }
}
