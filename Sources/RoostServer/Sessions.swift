import Logging
import NIOCore
import RoostCore
import RoostEngine

/// The sessions of HTTP clients: what the cookie `roost_session` leads to.
final class Sessions: Sendable {
    static let cookie = "roost_session"
    /// Random bytes of an id: 128 bits, so that nobody can guess somebody else's.
    private static let idBytes = 16
    /// Rooms that wait to be noted, of different sessions; more are not noted.
    private static let mostNotes = 10_000

    private struct Notes {
        /// The last room of each session that is not noted yet.
        var rooms: [String: RoomName] = [:]
        var isWriting = false
    }

    private let store: any SessionStore
    private let idleMs: Int64
    private let log: Logger
    private let notes = Locked(Notes())

    /// - Parameter idleMs: how long a session is kept after its last visit, in milliseconds.
    init(store: any SessionStore, idleMs: Int64, log: Logger) {
        self.store = store
        self.idleMs = idleMs
        self.log = log
    }

    var idleSeconds: Int64 { max(1, idleMs / 1000) }

    /// Counts a visit of the session that the client says it has. One that is not known is never made so, or somebody
    /// could give another an id that he knows: a new one begins then, with an id of its own.
    func visit(_ claimed: String?) async throws(BusError) -> (id: String, state: SessionState) {
        if let claimed, let state = try await store.visit(claimed, begins: false, idleMs: idleMs) {
            return (claimed, state)
        }
        let id = randomHex(Sessions.idBytes)
        guard let state = try await store.visit(id, begins: true, idleMs: idleMs) else {
            throw .refused("a session could not be begun")
        }
        return (id, state)
    }

    /// The session that a request's `Cookie` headers name: the first that can be one of ours.
    static func claimed(in cookies: some Sequence<String>) -> String? {
        for header in cookies {
            for pair in header.utf8.split(separator: UInt8(ascii: ";")) {
                let pair = Substring(pair.drop { $0 == UInt8(ascii: " ") })
                guard pair.hasPrefix(cookie + "=") else { continue }
                let id = pair.dropFirst(cookie.count + 1)
                if isID(id) { return String(id) }
            }
        }
        return nil
    }

    private static func isID(_ text: Substring) -> Bool {
        text.utf8.count == 2 * idBytes
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Notes the room that a session is in; nobody waits for it. Of several rooms that wait only the last is noted.
    func note(_ room: RoomName, of session: String) {
        let begins = notes.withLock { notes in
            guard notes.rooms.count < Sessions.mostNotes || notes.rooms[session] != nil else { return false }
            notes.rooms[session] = room
            defer { notes.isWriting = true }
            return !notes.isWriting
        }
        if begins { Task { await writeNotes() } }
    }

    private func writeNotes() async {
        while true {
            let next = notes.withLock { notes in
                let next = notes.rooms.popFirst()
                notes.isWriting = next != nil
                return next
            }
            guard let (session, room) = next else { return }
            do throws(BusError) {
                try await store.note(room: room, of: session)
            } catch {
                log.debug("the last room of a session was not noted", metadata: ["error": "\(error)"])
            }
        }
    }
}

/// A client that came with a session's cookie.
final class Visitor: Sendable {
    private let session: String
    private let sessions: Sessions

    init(session: String, sessions: Sessions) {
        self.session = session
        self.sessions = sessions
    }

    func entered(_ room: RoomName) { sessions.note(room, of: session) }
}
