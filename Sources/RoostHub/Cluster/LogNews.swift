import RoostCore
import RoostEngine

/// What has happened to logs here lately, and how often others are still to be told of it again, a second apart: they may
/// have missed it.
struct LogNews: Sendable {
    /// How often each is told again.
    static let times = 3
    /// Of so many rooms at most: who misses news of more finds them in its own look at the store.
    static let mostRooms = 10_000

    /// Each of the four has a count of its own, so that a room that goes on growing is not in doubt for ever.
    fileprivate struct News: Sendable {
        /// Where the log ended when this node appended last.
        var end: Position?
        var ends = 0
        /// A message that was found to be there already.
        var least: UInt64 = 0
        var leasts = 0
        /// An append has failed, and may have done its work.
        var doubts = 0
        /// The room has been deleted.
        var deletions = 0

        var isOver: Bool { ends <= 0 && leasts <= 0 && doubts <= 0 && deletions <= 0 }

        mutating func countDown() {
            ends -= 1
            leasts -= 1
            doubts -= 1
            deletions -= 1
        }

        func bulletins(_ room: RoomName) -> [Bulletin] {
            var all: [Bulletin] = []
            var told: UInt64 = 0
            if let end, ends > 0 {
                all.append(.head(room, end.epoch, end.seq))
                told = end.seq
            }
            if leasts > 0, least > told { all.append(.atLeast(room, least)) }
            if doubts > 0 { all.append(.doubt(room)) }
            if deletions > 0 { all.append(.dissolved(room)) }
            return all
        }
    }

    private var rooms: [RoomName: News] = [:]

    var count: Int { rooms.count }

    mutating func grew(_ room: RoomName, to end: Position) {
        note(room) { news in
            // What was found in another log says nothing about this one.
            if let known = news.end, known.epoch != end.epoch { news.leasts = 0 }
            (news.end, news.ends) = (end, LogNews.times)
        }
    }

    mutating func has(_ room: RoomName, atLeast seq: UInt64) {
        note(room) { news in
            news.least = news.leasts > 0 ? max(news.least, seq) : seq
            news.leasts = LogNews.times
        }
    }

    mutating func mayHaveGrown(_ room: RoomName) { note(room) { $0.doubts = LogNews.times } }

    /// What was to be told of the log that is gone is not.
    mutating func isGone(_ room: RoomName) {
        note(room) { news in
            news = News()
            news.deletions = LogNews.times
        }
    }

    private mutating func note(_ room: RoomName, _ what: (inout News) -> Void) {
        guard rooms.count < LogNews.mostRooms || rooms[room] != nil else { return }
        what(&rooms[room, default: News()])
    }

    /// What is told in one second.
    struct Round: Sendable {
        fileprivate var rooms: [RoomName: News] = [:]

        var posts: [(room: RoomName, bulletins: [Bulletin])] {
            rooms.map { (room: $0.key, bulletins: $0.value.bulletins($0.key)) }.filter { !$0.bulletins.isEmpty }
        }
    }

    /// A second has passed: what is told again now.
    mutating func takeRound() -> Round {
        let round = Round(rooms: rooms)
        rooms = rooms.compactMapValues { news in
            var rest = news
            rest.countDown()
            return rest.isOver ? nil : rest
        }
        return round
    }
}
