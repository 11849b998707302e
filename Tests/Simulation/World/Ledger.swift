import RoostCore

/// The truth: what clients have said, and what the store has taken into its logs, in which order.
///
/// It hears of every commit at the moment it happens, also of those whose reply is lost.
final class Ledger: @unchecked Sendable {
    /// What a client has said, by message id.
    struct Sent {
        var client: String
        var user: UserID
        var room: RoomName
        var content: [UInt8]
        /// Counts the client's messages, over all rooms.
        var number: Int
        /// When, in microseconds.
        fileprivate var at: Int64 = 0

        init(client: String, user: UserID, room: RoomName, content: [UInt8], number: Int) {
            self.client = client
            self.user = user
            self.room = room
            self.content = content
            self.number = number
        }
    }

    struct Author: Hashable {
        var sender: UserID
        var id: MessageID
    }

    /// The life of one log.
    final class Log {
        let room: RoomName
        let epoch: Epoch
        fileprivate let begunAt: Int64
        fileprivate(set) var messages: [Message] = []
        /// Retention has dropped what is not above it.
        fileprivate(set) var floor: UInt64 = 0
        /// Its room has been deleted.
        fileprivate(set) var isOver = false
        fileprivate var places: [Author: UInt64] = [:]
        fileprivate var latest: [String: Int] = [:]

        init(room: RoomName, epoch: Epoch, at now: Int64) {
            self.room = room
            self.epoch = epoch
            begunAt = now
        }

        var head: UInt64 { UInt64(messages.count) }

        /// Whether a reader who is there has nothing left to hear. Who asked for history that has all been dropped is not
        /// told so before the next message.
        func isHeard(upTo cursor: UInt64, mayStartLater: Bool) -> Bool {
            cursor == head || (mayStartLater && cursor < head && floor >= head)
        }

        func message(at seq: UInt64) -> Message? {
            seq >= 1 && seq <= head ? messages[Int(seq) - 1] : nil
        }
    }

    private let referee: Referee
    private let trace: Trace
    private var sent: [String: Sent] = [:]
    private var inDoubt: Set<String> = []
    private var awaited: [UserID: () -> Void] = [:]
    private var logs: [RoomName: [Log]] = [:]
    /// What was acked, with the place that was named.
    private(set) var acks: [(author: Author, room: RoomName, seq: UInt64)] = []

    init(referee: Referee, trace: Trace) {
        self.referee = referee
        self.trace = trace
    }

    func said(_ id: String, _ message: Sent) {
        sent[id] = message
        sent[id]?.at = trace.now
    }

    func log(_ room: RoomName, _ epoch: String) -> Log? { logs[room]?.last { $0.epoch.text == epoch } }

    /// The log as it is now; nil where nothing was ever written.
    func current(_ room: RoomName) -> Log? { logs[room]?.last.flatMap { $0.isOver ? nil : $0 } }

    /// Whether a log that had something in it is gone with its room.
    func isOver(_ room: RoomName, _ epoch: String) -> Bool { log(room, epoch)?.isOver ?? false }

    var all: [Log] { logs.keys.sorted().flatMap { logs[$0] ?? [] } }

    /// Calls back once, when something of a user's is in a log.
    func onNext(of user: UserID, _ body: @escaping () -> Void) { awaited[user] = body }

    // MARK: What the store has done

    func deleted(_ room: RoomName) {
        trace.note("store", "\(room) is deleted")
        logs[room]?.last?.isOver = true
    }

    func committed(_ news: [Committed]) {
        for committed in news {
            let log = self.log(committed.room, committed.epoch.text) ?? begin(committed)
            for message in committed.messages { append(message, to: log) }
            log.floor = max(log.floor, committed.floor)
        }
    }

    /// Retention has dropped messages apart from any append.
    func dropped(_ room: RoomName, _ epoch: String, upTo floor: UInt64) {
        guard let log = log(room, epoch) else { return }
        log.floor = max(log.floor, floor)
    }

    private func begin(_ committed: Committed) -> Log {
        if let last = logs[committed.room]?.last, !last.isOver {
            referee.blow(
                .ackedIsKept, "\(committed.room) has the new epoch \(committed.epoch) though nobody deleted it",
                [committed.room.text])
        }
        let log = Log(room: committed.room, epoch: committed.epoch, at: trace.now)
        logs[committed.room, default: []].append(log)
        return log
    }

    /// A log has refused this message, or its author's library has given it up, because nobody knows any more whether it
    /// was stored: those behind it go on, and a copy of it may come whenever it likes.
    func doubt(_ id: String) { inDoubt.insert(id) }

    private func isFirst(_ log: Log) -> Bool { logs[log.room]?.first === log }

    private func append(_ message: Message, to log: Log) {
        let name = "\(message.room):\(message.seq) \(message.id)"
        trace.note("store", "committed \(name)")
        awaited.removeValue(forKey: message.sender)?()
        let concerns = [message.room.text, message.id.text]
        if message.seq != log.head + 1 {
            referee.blow(.oneOrder, "\(name) was stored behind \(log.head)", concerns)
        }
        if let last = log.messages.last, message.at < last.at {
            referee.blow(.oneOrder, "the time of \(name) is before that of the message before it", concerns)
        }
        log.messages.append(message)
        let author = Author(sender: message.sender, id: message.id)
        if let earlier = log.places.updateValue(message.seq, forKey: author) {
            referee.blow(.onceInTheLog, "\(name) was stored at \(earlier) already", concerns)
        }
        guard let sent = sent[message.id.text], sent.user == message.sender, sent.room == message.room,
            sent.content == message.content.bytes
        else { return referee.blow(.sameContent, "\(name) is not what its author said", concerns) }
        // One that comes again because the log it was in is gone has had its place in the order.
        let hasBeenStored = logs[message.room]?.contains { $0 !== log && $0.places[author] != nil } ?? false
        guard !hasBeenStored, !inDoubt.contains(message.id.text) else { return }
        // Of what was said before the log began, copies may be on their way over several connections.
        guard sent.at >= log.begunAt || isFirst(log) else { return }
        if let latest = log.latest[sent.client], latest > sent.number {
            referee.blow(
                .sendOrder, "\(name) was stored behind \(sent.client)-\(latest), which was sent later", concerns)
        }
        log.latest[sent.client] = sent.number
    }

    // MARK: What the node says

    /// The node is about to send an ack: what it says must be true by now.
    func acked(_ author: Author, _ room: RoomName, _ seq: UInt64) {
        let isTrue = logs[room]?.contains { $0.places[author] == seq } ?? false
        if !isTrue {
            referee.blow(
                .durability, "\(author.id) was acked as \(room):\(seq), where it is not", [room.text, author.id.text])
        }
        acks.append((author, room, seq))
    }
}
