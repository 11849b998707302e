import Foundation

/// How many come back, and to what.
public struct StormPlan: Sendable {
    public var clients = 2000
    public var rooms = 20
    /// Messages that each client has missed, or at most where they are staggered.
    public var messages = 500
    /// Whether every client of a room has missed another number of messages.
    public var isStaggered = false

    public init() {}
}

/// Where everybody stood when they were dropped; kept in a file where the server is to be another one when they return.
public struct StormState: Codable, Sendable {
    struct Room: Codable {
        var name: String
        var epoch: String
        /// The newest message of the room.
        var head: UInt64
    }

    struct Client: Codable {
        /// An index among the rooms.
        var room: Int
        /// The newest message that it has heard.
        var seq: UInt64
    }

    var rooms: [Room]
    var clients: [Client]
    /// Bytes of each message's content.
    var size: Int
    var isStaggered: Bool

    /// Messages that a client has missed at most.
    var most: UInt64 { clients.map { rooms[$0.room].head - $0.seq }.max() ?? 0 }
    /// Messages that are to be heard, all clients together.
    var total: UInt64 { clients.reduce(0) { $0 + rooms[$1.room].head - $1.seq } }

    /// Stretches of so many messages, in all rooms, that somebody needs.
    func blocks(of messages: UInt64 = 128) -> UInt64 {
        rooms.indices.reduce(0) { sum, room in
            guard let first = clients.lazy.filter({ $0.room == room }).map(\.seq).min(), first < rooms[room].head else {
                return sum
            }
            return sum + (rooms[room].head - 1) / messages - first / messages + 1
        }
    }

    public func write(to path: String) throws {
        do {
            try JSONEncoder().encode(self).write(to: URL(fileURLWithPath: path))
        } catch {
            throw BenchError("the state can't be written to \(path): \(error.localizedDescription)")
        }
    }

    public static func read(from path: String) throws -> StormState {
        do {
            let state = try JSONDecoder().decode(
                StormState.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
            guard state.isSound else { throw BenchError("a client is in no room or further than its room") }
            return state
        } catch let error as BenchError {
            throw BenchError("\(path) holds no state of a storm: \(error)")
        } catch {
            throw BenchError("\(path) holds no state of a storm: \(error.localizedDescription)")
        }
    }

    private var isSound: Bool {
        clients.allSatisfy { rooms.indices.contains($0.room) && $0.seq <= rooms[$0.room].head } && !clients.isEmpty
    }
}
