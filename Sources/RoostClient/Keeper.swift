import Foundation

/// What outlives the process: messages not sent yet, positions, the session. A file of JSON lines, each of which says what
/// has changed; it is written anew when it is opened. Used on one event loop.
final class Keeper: @unchecked Sendable {
    fileprivate struct Line: Codable {
        var keep: Message?
        var forget: String?
        var room: String?
        var position: RoostPosition?
        var session: String?
    }

    fileprivate struct Message: Codable {
        var room: String
        var id: String
        /// JSON.
        var content: String
        var createdAt: Int64
        var since: RoostPosition?
        var attemptedAt: Int64?
        var sender: String?
    }

    /// What the machine is to begin with.
    let restored: ClientInput
    private let file: FileHandle
    /// Writes leave the event loop in this order.
    private let queue = DispatchQueue(label: "roost.client.file")
    private let path: String

    /// Reads the file, or creates it.
    init(path: String) throws {
        self.path = path
        var lines: [Line] = []
        if let text = try? String(contentsOfFile: path, encoding: .utf8) {
            // The last line may have been cut off by the end of the process.
            lines = text.split(separator: "\n").compactMap {
                try? JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
        }
        let (session, positions, messages) = Keeper.sum(lines)
        restored = .restored(
            session: session, positions: positions,
            queue: messages.compactMap { $0.kept })
        var fresh = messages.map { Line(keep: $0) }
        fresh += positions.map { Line(room: $0.key, position: $0.value) }
        if let session { fresh.append(Line(session: session)) }
        let data = try fresh.reduce(into: Data()) { $0 += try Keeper.encode($1) }
        do {
            try data.write(to: URL(fileURLWithPath: path), options: .atomic)
            file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try file.seekToEnd()
        } catch {
            throw RoostError(.invalid, "The file \(path) can't be written: \(error.localizedDescription)")
        }
    }

    private static func sum(_ lines: [Line]) -> (String?, [String: RoostPosition], [Message]) {
        var session: String?
        var positions: [String: RoostPosition] = [:]
        var order: [String] = []
        var messages: [String: Message] = [:]
        for line in lines {
            if let message = line.keep {
                if messages.updateValue(message, forKey: message.id) == nil { order.append(message.id) }
            }
            if let id = line.forget {
                messages[id] = nil
                order.removeAll { $0 == id }
            }
            if let room = line.room { positions[room] = line.position }
            session = line.session ?? session
        }
        return (session, positions, order.compactMap { messages[$0] })
    }

    func keep(_ kept: KeptMessage) { write(Line(keep: Message(kept))) }

    func forget(_ id: String) { write(Line(forget: id)) }

    func keep(_ position: RoostPosition?, of room: String) { write(Line(room: room, position: position)) }

    func keep(session: String) { write(Line(session: session)) }

    /// Returns when everything is with the operating system.
    func settle() async {
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }

    private func write(_ line: Line) {
        guard let data = try? Keeper.encode(line) else { return }
        // A disk that is full must not stop the conversation; what is lost is what was not sent at the next start.
        queue.async { [file] in try? file.write(contentsOf: data) }
    }

    private static func encode(_ line: Line) throws -> Data { try JSONEncoder().encode(line) + Data("\n".utf8) }
}

extension Keeper.Message {
    fileprivate init(_ kept: KeptMessage) {
        let message = kept.message
        self.init(
            room: message.room, id: message.id, content: message.content.json, createdAt: message.createdAt,
            since: kept.since, attemptedAt: kept.attemptedAt, sender: kept.sender)
    }

    fileprivate var kept: KeptMessage? {
        guard let content = try? RoostContent(json: content) else { return nil }
        return KeptMessage(
            Outgoing(room: room, id: id, content: content, createdAt: createdAt), since: since,
            attemptedAt: attemptedAt, sender: sender)
    }
}
