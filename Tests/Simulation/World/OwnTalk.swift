import NIOCore
import RoostCore
import RoostEngine
import RoostHub
import RoostWire

/// What is said in users' own rooms, on whatever node, and which of their connections have heard it.
///
/// Whoever was connected when it was said hears it, in order, and nothing twice, without having joined anything.
final class OwnTalk: @unchecked Sendable {
    private struct Saying {
        var user: UserID
        var seq: UInt64
        /// When it was handed to a node.
        var saidAt: Int64
    }

    private let stage: Stage
    private let dice: Dice
    private var sayings: [Saying] = []
    private var said = 0

    init(_ stage: Stage) {
        self.stage = stage
        dice = stage.dice("own rooms")
    }

    /// Something is said in a user's room, by way of a node.
    func say(to user: UserID, by node: SimNode) {
        guard let hub = node.hub, node.isUp, let room = RoomName("user:" + user.text),
            let server = UserID("server")
        else { return }
        said += 1
        guard let id = MessageID("own-\(said)") else { return }
        let draft = Draft(
            room: room, sender: server, id: id, content: RawJSON(validated: Array("\(said)".utf8)), authority: .server)
        // Of several at the same time any may be stored first, so each is an author of its own.
        stage.ledger.said(
            id.text,
            Ledger.Sent(client: id.text, user: server, room: room, content: draft.content.bytes, number: said))
        let saidAt = stage.now
        stage.trace.note(node.name, "is to say \(id) in \(room)")
        stage.executor.task { [self] in
            guard case .stored(let seq, _, duplicate: false)? = await hub.publish([draft]).first else { return }
            sayings.append(Saying(user: user, seq: seq, saidAt: saidAt))
        }
    }

    /// A connection has heard something in its user's own room.
    func heard(_ seq: UInt64, on link: Link) {
        if let last = link.ownHeard, seq != last + 1 {
            stage.referee.blow(
                .noHole, "\(link.name) heard \(seq) in its own room after \(last)", [link.name, link.client.name])
        }
        if link.ownHeard == nil { link.ownFirst = seq }
        link.ownHeard = seq
    }

    /// How long a connection must have been there, since the store is asked first where the room ends: a moment, or
    /// until it has answered where it does so late or not at all.
    private var settling: Int64 {
        let (store, faults) = (stage.shape.store, stage.shape.faults)
        let isCalm =
            faults.outages + faults.storeCuts == 0 && store.fails == 0 && store.losesReply == 0 && store.isLate == 0
        // Of cuts, one may follow upon another.
        return 4 * store.latency.upperBound + (isCalm ? .ms(500) : .ms(12_000 + 6000 * Int64(faults.storeCuts)))
    }

    /// What a connection has not heard that it must have.
    func missing(on link: Link) -> String? {
        guard let welcomedAt = link.welcomedAt else { return nil }
        for saying in sayings where saying.user == link.client.user && saying.saidAt > welcomedAt + settling {
            if link.ownHeard ?? 0 < saying.seq || saying.seq < link.ownFirst {
                return "\(link.name) has not heard \(saying.seq) in user:\(saying.user), but \(link.ownHeard ?? 0)"
            }
        }
        return nil
    }
}

extension Link {
    /// Takes note of what is for the connection and not for a room that its client has joined.
    /// - Returns: whether the client is to hear of it, too.
    func notes(_ text: ByteBuffer) -> Bool {
        text.withUnsafeReadableBytes { bytes in
            guard let frame = try? JSONFields(bytes), let type = try? frame.string("type") else { return true }
            if type == "welcome" { welcomedAt = welcomedAt ?? stage.now }
            if type == "user_joined" || type == "user_left" { presenceNews += 1 }
            guard type == "message", let payload = try? frame.object("payload"), let room = try? payload.room(),
                room.owner != nil, let seq = try? payload.unsigned("seq")
            else { return true }
            stage.trace.note(name, "hears \(seq) in \(room)")
            if room.owner != client.user {
                stage.referee.blow(.noHole, "\(name) heard what was said in \(room)", [name])
            }
            stage.ownTalk.heard(seq, on: self)
            return false
        }
    }
}
