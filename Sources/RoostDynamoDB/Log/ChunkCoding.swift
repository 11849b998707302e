package import RoostCore

/// Chunks as items. The entries are one binary attribute, so that content stays the bytes that it came as; what
/// conditions and headers need is beside it:
///
///     log, first    the key
///     last          the seq of the last entry
///     at, clock     milliseconds
///     floor, forgotten, writer, seal, revision
///     entries       a byte 1 (the form's version), then per entry: kind (1 byte), id, sender, content (each a varint
///                   length and as many bytes), and as a varint the seq that it redacts, 0 for none
extension Chunk {
    package func item(in room: RoomName, _ epoch: Epoch) -> Item {
        var item = Chunk.key(first, in: room, epoch).item(in: .messages)
        item["last"] = .number(Int64(last))
        item["at"] = .number(at.milliseconds)
        item["clock"] = .number(clock.milliseconds)
        item["floor"] = .number(Int64(floor))
        item["forgotten"] = .number(Int64(forgotten))
        item["writer"] = .bytes(writer)
        item["revision"] = .number(revision)
        item["entries"] = .bytes(Chunk.encode(entries))
        if isSeal { item["seal"] = .number(1) }
        return item
    }

    package static func key(_ first: UInt64, in room: RoomName, _ epoch: Epoch) -> Key {
        Key(Blocks.collection(room, epoch, Blocks.block(of: first)), .number(Int64(first)))
    }

    package init(_ item: Item) throws(TableError) {
        let place = "\(item.text("log") ?? "?") \(item.number("first") ?? 0)"
        guard let first = item.number("first"), first > 0, let last = item.number("last"),
            let at = item.number("at"), let clock = item.number("clock"), let floor = item.number("floor"),
            let forgotten = item.number("forgotten"), let writer = item.bytes("writer"),
            let revision = item.number("revision"), let bytes = item.bytes("entries"),
            let entries = Chunk.decode(bytes), floor >= 0, forgotten >= 0,
            last == first - 1 + Int64(entries.count)
        else { throw TableError(.corrupt, "the chunk \(place) of a log can't be read") }
        self.init(
            first: UInt64(first), entries: entries, at: Timestamp(milliseconds: at),
            clock: Timestamp(milliseconds: clock), floor: UInt64(floor), forgotten: UInt64(forgotten), writer: writer)
        isSeal = item["seal"] != nil
        self.revision = revision
    }

    /// The bytes that an entry takes, at most.
    static func size(_ entry: Entry) -> Int {
        entry.id.text.utf8.count + entry.sender.text.utf8.count + entry.content.bytes.count + 32
    }

    static func encode(_ entries: [Entry]) -> [UInt8] {
        var bytes: [UInt8] = [1]
        bytes.reserveCapacity(entries.reduce(1) { $0 + size($1) })
        for entry in entries {
            bytes.append(entry.kind.rawValue)
            bytes.append(field: entry.id.text.utf8)
            bytes.append(field: entry.sender.text.utf8)
            bytes.append(field: entry.content.bytes)
            bytes.append(varint: entry.redacts ?? 0)
        }
        return bytes
    }

    /// Nil if the bytes are no such thing.
    static func decode(_ bytes: [UInt8]) -> [Entry]? {
        var reader = Reader(bytes: bytes[...])
        guard reader.byte() == 1 else { return nil }
        var entries: [Entry] = []
        while !reader.bytes.isEmpty {
            guard let kind = reader.byte().flatMap({ MessageKind(rawValue: $0) }),
                let id = reader.text().flatMap({ MessageID($0) }),
                let sender = reader.text().flatMap({ UserID($0) }),
                let content = reader.field(), let redacts = reader.varint()
            else { return nil }
            entries.append(
                Entry(
                    id: id, sender: sender, kind: kind, content: RawJSON(validated: Array(content)),
                    redacts: redacts == 0 ? nil : redacts))
        }
        return entries
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func byte() -> UInt8? { bytes.popFirst() }

        mutating func varint() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: 0, to: 64, by: 7) {
                guard let byte = bytes.popFirst() else { return nil }
                if shift == 63, byte > 1 { return nil }
                value |= UInt64(byte & 0x7F) << UInt64(shift)
                if byte < 0x80 { return value }
            }
            return nil
        }

        mutating func field() -> ArraySlice<UInt8>? {
            guard let length = varint(), length <= UInt64(bytes.count) else { return nil }
            defer { bytes = bytes.dropFirst(Int(length)) }
            return bytes.prefix(Int(length))
        }

        mutating func text() -> String? { field().flatMap { String(validating: $0, as: UTF8.self) } }
    }
}

extension [UInt8] {
    fileprivate mutating func append(varint value: UInt64) {
        var value = value
        while value >= 0x80 {
            append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        append(UInt8(value))
    }

    fileprivate mutating func append(field: some Collection<UInt8>) {
        append(varint: UInt64(field.count))
        append(contentsOf: field)
    }
}
