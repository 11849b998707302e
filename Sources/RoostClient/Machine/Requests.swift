import OrderedCollections

/// Questions of the application: history, presence, new rooms. Each is answered once.
final class Requests {
    private struct Question {
        var frame: ClientFrame.Body
        /// Whether it may be asked again over another connection.
        var isRepeatable: Bool
        var deadline: Int64
        var messageID: String?
    }

    private unowned let machine: ClientMachine
    /// By the application's own tag.
    private var waiting: OrderedDictionary<String, Question> = [:]

    /// So many questions may wait at a time.
    private static let mostWaiting = 1_000

    init(_ machine: ClientMachine) { self.machine = machine }

    func history(_ tag: String, _ room: String, _ range: HistoryRange, limit: Int?) {
        var placed: ClientFrame.Range?
        switch range {
        case .latest: break
        case .before(let place), .after(let place):
            guard let position = position(room, place) else {
                let reason = "A seq alone says nothing of a room that was not joined; give a position."
                return refuse(tag, RoostError(.invalid, reason))
            }
            if case .before = range { placed = .before(position) } else { placed = .after(position) }
        }
        ask(tag, .history(room: room, placed, limit: limit), isRepeatable: true)
    }

    /// A bare seq is one of the log that we are listening to.
    private func position(_ room: String, _ place: HistoryRange.Place) -> RoostPosition? {
        switch place {
        case .position(let position): position
        case .seq(let seq): machine.rooms.position(of: room).map { RoostPosition(epoch: $0.epoch, seq: seq) }
        }
    }

    func presence(_ tag: String, _ room: String, cursor: String?) {
        ask(tag, .presence(room: room, cursor: cursor), isRepeatable: true)
    }

    func createRoom(_ tag: String, _ plan: RoomRequest) { ask(tag, .createRoom(plan), isRepeatable: false) }

    private func ask(_ tag: String, _ frame: ClientFrame.Body, isRepeatable: Bool) {
        guard waiting.count < Requests.mostWaiting else {
            return refuse(tag, RoostError(.queueFull, "Too many questions wait for an answer."))
        }
        let deadline = machine.now + machine.options.answerTimeoutMs
        waiting[tag] = Question(frame: frame, isRepeatable: isRepeatable, deadline: deadline)
        if machine.isOnline { write(tag) }
    }

    private func write(_ tag: String) {
        guard let frame = waiting[tag]?.frame else { return }
        waiting[tag]?.messageID = machine.write(frame)
    }

    func online() { for tag in waiting.keys { write(tag) } }

    func offline() {
        for (tag, question) in waiting {
            if question.messageID != nil, !question.isRepeatable {
                let reason = "The connection was lost before the answer came; it may have been done."
                refuse(tag, RoostError(.unavailable, reason))
            } else {
                waiting[tag]?.messageID = nil
            }
        }
    }

    /// - Returns: whether that was the answer to a question.
    @discardableResult
    func answer(_ messageID: String?, _ result: ServerFrame.Body) -> Bool {
        guard let tag = find(messageID) else { return false }
        waiting.removeValue(forKey: tag)
        machine.act(.answer(request: tag, .success(result)))
        return true
    }

    func fail(_ messageID: String?, _ error: RoostError) -> Bool {
        guard let tag = find(messageID) else { return false }
        refuse(tag, error)
        return true
    }

    private func find(_ messageID: String?) -> String? {
        guard let messageID else { return nil }
        return waiting.first { $0.value.messageID == messageID }?.key
    }

    private func refuse(_ tag: String, _ error: RoostError) {
        waiting.removeValue(forKey: tag)
        machine.act(.answer(request: tag, .failure(error)))
    }

    func closeAll(_ error: RoostError) { for tag in waiting.keys { refuse(tag, error) } }

    // MARK: Time

    var dueAt: Int64? { waiting.values.lazy.map(\.deadline).min() }

    func wake() {
        for (tag, question) in waiting where machine.now >= question.deadline {
            refuse(tag, RoostError(.timeout, "The server did not answer in time."))
        }
    }
}
