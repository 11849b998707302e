import NIOCore
import RoostCore
import RoostWire

/// One connection between a client and a node, and the client's end of it.
final class Link {
    /// How a connection ends other than by the node's will.
    enum End: CaseIterable {
        /// The client says goodbye.
        case closed
        /// Both sides are told, but what was on its way may be lost.
        case reset
        /// The client is gone; the node must find out.
        case clientVanishes
        /// Nobody is told anything: bytes are swallowed.
        case silence
    }

    let name: String
    unowned let client: any SimGuest
    let node: SimNode
    let toServer: Pipe
    let toClient: Pipe
    private(set) var server: ServerEnd?
    let stage: Stage
    private let dice: Dice
    /// When the node's welcome was heard; the first and the last that was heard in the user's own room.
    var welcomedAt: Int64?
    var ownFirst: UInt64 = 0
    var ownHeard: UInt64?
    /// How often it was told that somebody came to a room or left one.
    var presenceNews = 0
    private var decoder: WebSocketDecoder
    private var leftover: ByteBuffer?
    private var unread: [ByteBuffer] = []
    private var isStalled = false
    /// The client has nothing to do with it any more.
    private var isOver = false
    private(set) var heardAt: Int64

    init(_ stage: Stage, name: String, client: any SimGuest, node: SimNode) {
        self.stage = stage
        self.name = name
        self.client = client
        self.node = node
        dice = stage.dice(name)
        let network = stage.shape.network
        toServer = Pipe(scheduler: stage.scheduler, dice: dice, network: network)
        toClient = Pipe(scheduler: stage.scheduler, dice: dice, network: network)
        decoder = WebSocketDecoder(side: .client, maxMessageBytes: 1 << 24)
        heardAt = stage.now
        toClient.deliver = { [weak self] bytes in self?.arrived(bytes) }
    }

    /// Asks the node to take the connection.
    func open() {
        stage.scheduler.after(dice.time(stage.shape.network.latency)) { [self] in
            if !node.take(self) { client.lost(self, code: nil) }
        }
    }

    /// The node has taken it; called on its loop.
    func isServed(by server: ServerEnd, on loop: SimLoop) {
        self.server = server
        toServer.deliver = { bytes in loop.perform { server.receive(bytes) } }
        server.start()
        // The client has given it up meanwhile.
        if isOver { return server.peerIsGone() }
        stage.scheduler.after(dice.time(stage.shape.network.latency)) { [self] in
            if !isOver { client.opened(self) }
        }
    }

    /// Nothing comes through any more, whether or not that has been noticed.
    var isDead: Bool { toServer.isCut || toClient.isCut }

    /// The node still has what the client has given up.
    var isGhost: Bool { (isOver || isDead) && server?.connection != nil }

    // MARK: Sending

    func send(_ frames: ByteBuffer) { toServer.send(frames) }

    func text(_ text: String, into frames: inout ByteBuffer) {
        frames.putMaskedFrame(.text, key: UInt32(truncatingIfNeeded: dice.next()), text.utf8)
    }

    // MARK: Reading

    /// The client stops or goes on reading.
    func stall(_ isStalled: Bool) {
        self.isStalled = isStalled
        guard !isStalled else { return }
        let waiting = unread
        unread = []
        for bytes in waiting { arrived(bytes) }
    }

    private func arrived(_ bytes: ByteBuffer) {
        guard !isOver else { return }
        guard !isStalled else { return unread.append(bytes) }
        heardAt = stage.now
        server?.consumed(bytes.readableBytes)
        var bytes = bytes
        if var rest = leftover {
            leftover = nil
            rest.writeBuffer(&bytes)
            bytes = rest
        }
        do throws(WebSocketDecoder.Violation) {
            while !isOver, let output = try decoder.next(from: &bytes) { handle(output) }
        } catch {
            stage.referee.blow(.protocolKept, "\(name) got a frame that is wrong: \(error.reason)", [name])
        }
        if bytes.readableBytes > 0 { leftover = bytes.slice() }
    }

    private func handle(_ output: WebSocketDecoder.Output) {
        switch output {
        case .text(let text): if notes(text) { client.heard(text) }
        case .ping(let payload):
            var frame = ByteBuffer()
            frame.putMaskedFrame(
                .pong, key: UInt32(truncatingIfNeeded: dice.next()), Array(buffer: payload))
            send(frame)
            client.heardPing()
        case .close(let code, _):
            goodbye()
            client.lost(self, code: code)
        case .pong: break
        case .binary: stage.referee.blow(.protocolKept, "\(name) got a binary frame", [name])
        }
    }

    // MARK: The end

    private func goodbye() {
        var frame = ByteBuffer()
        frame.putMaskedFrame(.close, key: UInt32(truncatingIfNeeded: dice.next()), [0x03, 0xE8])
        send(frame)
    }

    /// The client lets go of it. The node is told unless the network is dead.
    func abandon() {
        guard !isOver else { return }
        isOver = true
        unread = []
        if !toServer.isCut { toServer.finish { [server] in server?.peerIsGone() } }
    }

    func end(_ end: End) {
        stage.trace.note(name, "ends: \(end)")
        switch end {
        case .closed: if server != nil { goodbye() }
        case .reset: tellServerLater(losing: dice.chance(0.5))
        case .clientVanishes: toServer.cut()
        case .silence:
            toServer.cut()
            toClient.cut()
            return
        }
        if end == .reset, dice.chance(0.5) {
            toClient.finish { [self] in client.lost(self, code: nil) }
        } else {
            client.lost(self, code: nil)
        }
    }

    private func tellServerLater(losing: Bool) {
        if losing { toServer.cut() }
        let server = server
        toServer.finish { server?.peerIsGone() }
    }

    /// The node's process is gone, with everything it had not sent.
    func nodeDied() {
        toServer.cut()
        toServer.deliver = { _ in }
        server = nil
        if dice.chance(0.3) { toClient.cut() }
        // A host that is gone tells nobody.
        if stage.isCalm || dice.chance(0.8) { toClient.finish { [self] in client.lost(self, code: nil) } }
    }
}
