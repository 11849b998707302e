import NIOCore
import RoostCore
import RoostEngine

/// A connection that is opened again for as long as it is wanted: what `LinkMachine` decides, done.
///
/// It lives on its loop.
final class Link {
    enum News {
        /// Greeted: commands may be sent.
        case ready(RespWire)
        case replies([RespValue])
        /// A PING is to be sent, and its answer expected.
        case ping
        /// The connection, or an attempt at one.
        case lost(BusError)
    }

    let peer: Peer
    private let dialer: Dialer
    private let hello: Greeting
    private var machine: LinkMachine<ObjectIdentifier>
    private var greeting: Greeting
    private var wire: RespWire?
    private var tell: (News) -> Void = { _ in }
    /// Connections beyond the first.
    private(set) var reconnects: UInt64 = 0
    private var hasBeenReady = false

    init(_ peer: Peer, hello: Greeting, dialer: Dialer) {
        self.peer = peer
        self.hello = hello
        self.dialer = dialer
        greeting = hello
        machine = LinkMachine(silence: peer.silence)
    }

    var isReady: Bool { machine.isReady }
    var isHopeful: Bool { machine.isHopeful }

    /// - Parameter tell: called on the loop.
    func start(_ tell: @escaping (News) -> Void) {
        self.tell = tell
        perform(machine.start())
    }

    func stop() {
        tell = { _ in }
        perform(machine.stop())
        wire?.close()
        wire = nil
    }

    func tick() { perform(machine.tick(at: .now, chance: .random(in: .min ... .max))) }

    /// Gives the connection up, for a reason that the replies gave.
    func giveUp(_ error: BusError) { fail(wire.map(ObjectIdentifier.init), error) }

    private func fail(_ handle: ObjectIdentifier?, _ error: BusError) {
        perform(machine.failed(handle, error, at: .now, chance: .random(in: .min ... .max)))
    }

    private func perform(_ actions: [LinkMachine<ObjectIdentifier>.Action]) {
        for action in actions {
            switch action {
            case .connect: connect()
            case .greet:
                greeting = hello
                let opening = greeting.opening
                wire?.send { $0.writeCommand(opening) }
            case .ping: tell(.ping)
            case .close:
                wire?.close()
                wire = nil
            case .ready:
                if hasBeenReady { reconnects += 1 }
                hasBeenReady = true
                if let wire { tell(.ready(wire)) }
            case .lost(let error): tell(.lost(error))
            }
        }
    }

    private func connect() {
        let wire = RespWire { [weak self] wire, news in self?.take(news, from: wire) }
        self.wire = wire
        let bound = NIOLoopBound((self, wire), eventLoop: dialer.loop)
        dialer.dial(peer.endpoint, wire).whenFailure { error in
            let (link, wire) = bound.value
            // Stopped meanwhile, or connected and lost, which has been told.
            guard link.wire === wire else { return }
            link.wire = nil
            link.fail(nil, link.peer.unreachable(error))
        }
    }

    private func take(_ news: RespWire.News, from wire: RespWire) {
        guard wire === self.wire else { return wire.close() }
        let handle = ObjectIdentifier(wire)
        switch news {
        case .opened: perform(machine.opened(handle, at: .now))
        case .replies(let replies):
            // A part of an answer is a sign of life, too: a long one may take longer than a ping may go unanswered.
            machine.heard(handle, at: .now)
            if replies.isEmpty { return }
            if machine.isReady { tell(.replies(replies)) } else { greet(replies, handle, wire) }
        case .closed(let error):
            self.wire = nil
            fail(handle, error.map(peer.broken) ?? peer.closed)
        }
    }

    /// Replies come one at a time until the greeting is over, since each thing said waits for the answer before it.
    private func greet(_ replies: [RespValue], _ handle: ObjectIdentifier, _ wire: RespWire) {
        for reply in replies {
            switch greeting.next(reply) {
            case .say(let command): wire.send { $0.writeCommand(command) }
            case .done: perform(machine.greeted(handle, at: .now))
            case .refused(let error): return fail(handle, error)
            }
        }
    }
}

extension Moment {
    static var now: Moment { Moment(milliseconds: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000)) }
}
