import DequeModule
import RoostCore

/// The rooms of one loop of which the store is to be asked where their logs end: a few at a time, so that a node of which
/// all rooms are in doubt (another node has died, the bus was away) does not ask for all of them at once.
struct Lookout: Sendable {
    /// So many are asked about together, and the next ones once these are answered.
    static let atOnce = 100

    /// Why a room is asked about. Those of one line don't wait for the others.
    enum Line: Int, Sendable, CaseIterable {
        /// Something was said of this very room, or could not be read; such rooms don't wait for each other either.
        case doubted
        /// What was said may not have been heard: a channel is heard anew, or a node has died that had users there.
        case unheard
        /// Without a reason of its own.
        case other

        /// How many batches may be on their way.
        var mostAsking: Int { self == .doubted ? 4 : 1 }
    }

    private struct Waiting: Sendable {
        /// In the order in which they are asked about; what is not a member of `isDue` any more is passed over.
        var due: Deque<RoomName> = []
        var isDue: Set<RoomName> = []
        /// Those that wait for the next sweep.
        var later: [RoomName] = []
        var isLater: Set<RoomName> = []
        /// Batches that are not answered yet.
        var asking = 0

        mutating func ask(_ room: RoomName) {
            if isDue.insert(room).inserted { due.append(room) }
        }
    }

    private var lines = [Waiting](repeating: Waiting(), count: Line.allCases.count)

    mutating func ask(_ room: RoomName, in line: Line) { lines[line.rawValue].ask(room) }

    /// Not before the next sweep: what fails is not asked about at once again.
    mutating func askLater(_ room: RoomName, in line: Line) {
        if lines[line.rawValue].isLater.insert(room).inserted { lines[line.rawValue].later.append(room) }
    }

    /// It is time to ask about those that had to wait.
    mutating func sweep() {
        for line in lines.indices {
            for room in lines[line].later where lines[line].isLater.contains(room) { lines[line].ask(room) }
            (lines[line].later, lines[line].isLater) = ([], [])
        }
    }

    /// Whether the room is to be asked about, now or later.
    func contains(_ room: RoomName) -> Bool {
        lines.contains { $0.isDue.contains(room) || $0.isLater.contains(room) }
    }

    /// Whether the room was to be asked about; it is not any more.
    mutating func forget(_ room: RoomName) -> Bool {
        defer {
            for line in lines.indices {
                lines[line].isDue.remove(room)
                lines[line].isLater.remove(room)
            }
        }
        return contains(room)
    }

    /// Those of a line to be asked about next; none while it waits for answers.
    mutating func take(_ line: Line) -> [RoomName] {
        var rooms: [RoomName] = []
        guard lines[line.rawValue].asking < line.mostAsking else { return rooms }
        while rooms.count < Lookout.atOnce, let room = lines[line.rawValue].due.popFirst() {
            if lines[line.rawValue].isDue.remove(room) != nil { rooms.append(room) }
        }
        return rooms
    }

    mutating func isAsking(_ line: Line) { lines[line.rawValue].asking += 1 }
    mutating func isAnswered(_ line: Line) { lines[line.rawValue].asking -= 1 }
}
