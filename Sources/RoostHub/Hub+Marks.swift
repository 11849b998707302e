import Logging
public import RoostCore
public import RoostEngine

// How far members have received and read: gathered here, written down now and then.
extension Hub {
    /// A member has got so far. The caller has seen to it that the room has so many messages and that the user may
    /// be there.
    public func mark(_ room: RoomName, _ user: UserID, _ mark: Mark) {
        let isNews = relay != nil && kinds.kind(of: room).receipts
        marks.withLock { $0.note(room, user, mark, isNews: isNews) }
    }

    /// How far a user has got in these rooms, by now.
    public func marks(of user: UserID, in rooms: [RoomName]) async throws(StoreError) -> [RoomName: Mark] {
        await flushMarks()
        return try await store.marks(of: user, in: rooms)
    }

    /// Writes down what is not yet.
    func flushMarks() async {
        let dirty = marks.withLock { $0.takeDirty() }
        guard !dirty.isEmpty else { return }
        do throws(StoreError) {
            try await store.mark(dirty)
        } catch {
            marks.withLock { $0.putBack(dirty) }
            log.warning("read cursors were not written down; they will be", metadata: ["error": "\(error)"])
        }
    }

    /// A room with receipts has a reader: what is kept of it is read once.
    func watchMarks(_ room: RoomName) {
        guard marks.withLock({ $0.watch(room) }) else { return }
        world.run { [self] in
            await flushMarks()
            do throws(StoreError) {
                let kept = try await store.marks(in: room, limit: 10 * MarkBoard.receiptsUpTo)
                marks.withLock { $0.load(room, kept) }
            } catch {
                // The next reader makes it be tried again.
                marks.withLock { $0.unwatch(room) }
                log.warning("receipts could not be read", metadata: ["room": "\(room)", "error": "\(error)"])
            }
        }
    }

    /// What others have told of these rooms may have been missed: what is kept of them is read again, one after another.
    func readMarksAgain(of rooms: [RoomName]) {
        let watched = marks.withLock { marks in rooms.filter { marks.isWatched($0) } }
        guard !watched.isEmpty else { return }
        world.run { [self] in
            for room in watched {
                do throws(StoreError) {
                    let kept = try await store.marks(in: room, limit: 10 * MarkBoard.receiptsUpTo)
                    marks.withLock { $0.load(room, kept) }
                } catch {
                    log.warning("receipts could not be read", metadata: ["room": "\(room)", "error": "\(error)"])
                }
            }
        }
    }

    /// Rooms in which somebody has got further hear of it, and so do the other nodes.
    func tellReceipts() {
        if let relay {
            let news = marks.withLock { $0.takeNews() }
            relay.tell(news.map { ($0.room, .marks($0.room, $0.marks)) })
        }
        marks.withLock { board in
            for (room, changed) in board.takeReceipts() where isSmall(room, board) {
                tell(room, .receipts(room: room, changed), except: 0)
            }
        }
    }

    /// All receipts of a room; nil if it has none, or they are not known yet.
    func receipts(of room: RoomName) -> Event? {
        marks.withLock { board in
            guard let known = board.receipts(of: room), !known.isEmpty, isSmall(room, board) else { return nil }
            return .receipts(room: room, known)
        }
    }

    /// Whether a room is small enough for receipts; where presence is not kept, by those who have ever sent one.
    private func isSmall(_ room: RoomName, _ board: borrowing MarkBoard) -> Bool {
        let isCounted = kinds.kind(of: room).presence != .off
        return (isCounted ? memberCount(room) : board.count(room)) <= MarkBoard.receiptsUpTo
    }
}
