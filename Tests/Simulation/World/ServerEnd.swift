import DequeModule
import NIOCore
import RoostCore
import RoostHub
import RoostWire

/// The node's end of a connection: what the real transport does between the shard and a socket, over pipes.
///
/// Everything but `consumed` and `peerIsGone` happens on the connection's loop.
final class ServerEnd: Transport {
    private enum State {
        case open
        /// A close frame is on its way; only the peer's is still of interest.
        case closing
        case closed
    }

    private let stage: Stage
    private let loop: SimLoop
    private let shard: Shard
    private let identity: Identity
    private let link: Link
    private(set) var connection: Connection?
    private var state = State.open

    // Out.
    private var unsent: Deque<ByteBuffer> = []
    private var flushed = 0
    private var queued = 0
    /// Bytes that have left and that the client has not read.
    private var inTransit = 0
    private var isWritable = true
    private var hasWrittenGap = false
    private var lowMark: Int { max(1, stage.shape.limits.maxUnsentBytes / 4) }

    // In.
    private var isReading = true
    private var held: [ByteBuffer] = []
    private var decoder: WebSocketDecoder
    private var leftover: ByteBuffer?
    /// Messages that were read and have no answer yet, and those that were answered while they were read.
    private var owed: Set<MessageID> = []
    private var answered: Set<MessageID> = []

    init(_ stage: Stage, loop: SimLoop, shard: Shard, identity: Identity, link: Link) {
        self.stage = stage
        self.loop = loop
        self.shard = shard
        self.identity = identity
        self.link = link
        decoder = WebSocketDecoder(side: .server, maxMessageBytes: stage.shape.limits.maxMessageBytes)
    }

    func start() {
        connection = shard.connect(self, dialect: .native, identity: identity, session: "s")
    }

    // MARK: In

    func receive(_ bytes: ByteBuffer) {
        held.append(bytes)
        readHeld()
    }

    private func readHeld() {
        while isReading || state == .closing, !held.isEmpty { decode(held.removeFirst()) }
    }

    private func decode(_ bytes: ByteBuffer) {
        guard state != .closed else { return }
        var bytes = bytes
        if var rest = leftover {
            leftover = nil
            rest.writeBuffer(&bytes)
            bytes = rest
        }
        do throws(WebSocketDecoder.Violation) {
            while state != .closed, let output = try decoder.next(from: &bytes) { handle(output) }
        } catch {
            stage.referee.blow(
                .protocolKept, "the node found fault with a client's frame: \(error.reason)", [link.name])
        }
        if bytes.readableBytes > 0 { leftover = bytes.slice() }
    }

    private func handle(_ output: WebSocketDecoder.Output) {
        guard state == .open, let connection else {
            if case .close = output, state == .closing { finish() }
            return
        }
        switch output {
        case .text(let text):
            answered = []
            shard.receive(text, from: connection)
            noteMessage(text, connection)
        case .binary: break
        case .pong(let payload):
            shard.heard(connection, pong: payload.getInteger(at: payload.readerIndex, as: UInt64.self))
        case .ping: shard.heard(connection)
        case .close:
            state = .closing
            shard.disconnect(connection)
            finish()
        }
    }

    /// Takes note of a message that is on its way to the log now, and not waiting behind another command.
    private func noteMessage(_ text: ByteBuffer, _ connection: Connection) {
        guard state == .open, !connection.isWaiting, case .success(let request) = NativeDecoder.decode(text),
            case .message = request.command, let id = request.id
        else { return }
        // It may have been refused at once.
        if answered.remove(id) == nil { owed.insert(id) }
    }

    // MARK: Transport

    func write(_ frames: ByteBuffer) {
        guard state == .open else { return }
        inspect(frames)
        enqueue(frames)
    }

    /// As the real wire: past the queue only while there is none.
    func sendNow(_ frames: ByteBuffer) -> Bool {
        guard state == .open else { return true }
        inspect(frames)
        guard stage.shape.sendsDirectly, unsent.isEmpty else {
            enqueue(frames)
            return false
        }
        var rest = frames
        transmit(&rest)
        guard rest.readableBytes > 0 else { return true }
        enqueue(rest)
        return false
    }

    /// Whether everything that was written has been taken.
    var isIdle: Bool { queued == 0 }

    private func enqueue(_ bytes: ByteBuffer) {
        unsent.append(bytes)
        queued += bytes.readableBytes
        if isWritable, queued > stage.shape.limits.maxUnsentBytes {
            isWritable = false
            stage.trace.note(link.name, "unwritable with \(queued) bytes")
            if let connection { shard.writability(of: connection, isNow: false) }
        }
    }

    func flush() {
        flushed = unsent.count
        pump()
    }

    func ping(_ number: UInt64) {
        guard state == .open else { return }
        var frame = ByteBuffer()
        frame.putFrame(.ping) { $0.writeInteger(number) }
        enqueue(frame)
        flush()
    }

    func setReading(_ isOn: Bool) {
        isReading = isOn
        if isOn { loop.perform { [self] in readHeld() } }
    }

    func close(_ code: CloseCode, reason: String) {
        guard state == .open else { return }
        if code == .draining, let id = owed.first {
            stage.referee.blow(
                .drainAcks, "\(id) of \(link.name) was read, and the drain closes without an answer to it", [link.name])
        }
        stage.trace.note(link.name, "the node closes: \(code.rawValue) \(reason)")
        state = .closing
        isReading = true
        loop.perform { [self] in readHeld() }
        var frame = ByteBuffer()
        frame.putClose(code.rawValue, reason: reason)
        unsent.append(frame)
        queued += frame.readableBytes
        flush()
        stage.scheduler.after(.ms(2000)) { [self] in loop.perform { [self] in finish() } }
    }

    // MARK: Checks

    /// The largest page of the log that is read for one connection, in messages, with room for their frames.
    private var mostBytes: Int {
        let frame = stage.shape.maxContent + 400
        return stage.shape.limits.maxUnsentBytes + 512 * frame + link.client.mostAnswerBytes
    }

    private func inspect(_ frames: ByteBuffer) {
        let isBehindGap = hasWrittenGap
        hasWrittenGap = false
        FrameTap.look(frames) { kind in
            switch kind {
            case .error(let id): settle(id)
            case .ack(let room, let seq, let id):
                settle(id)
                stage.ledger.acked(Ledger.Author(sender: identity.user, id: id), room, seq)
            case .gap: hasWrittenGap = true
            case .sheddable(let word) where !isWritable && !isBehindGap:
                stage.referee.blow(
                    .memory, "a \(word) is written to \(link.name), which does not take what is queued already",
                    [link.name])
            case .sheddable, .other: break
            }
        }
        if queued + frames.readableBytes > mostBytes {
            stage.referee.blow(
                .memory,
                "\(queued + frames.readableBytes) bytes are queued for \(link.name); \(mostBytes) is the bound",
                [link.name])
        }
    }

    private func settle(_ id: MessageID) {
        owed.remove(id)
        answered.insert(id)
    }

    // MARK: The socket

    /// The kernel takes what there is room for.
    private func pump() {
        while flushed > 0, inTransit < stage.shape.network.window, var first = unsent.popFirst() {
            queued -= transmit(&first)
            if first.readableBytes > 0 { unsent.prepend(first) } else { flushed -= 1 }
        }
        if !isWritable, queued < lowMark {
            isWritable = true
            stage.trace.note(link.name, "writable again")
            if let connection { shard.writability(of: connection, isNow: true) }
        }
    }

    /// Gives the kernel as much as it has room for; returns how much that was.
    @discardableResult
    private func transmit(_ bytes: inout ByteBuffer) -> Int {
        let count = min(max(0, stage.shape.network.window - inTransit), bytes.readableBytes)
        guard count > 0, let piece = bytes.readSlice(length: count) else { return 0 }
        inTransit += count
        link.toClient.send(piece)
        return count
    }

    /// The client has read so many bytes.
    func consumed(_ count: Int) {
        loop.perform { [self] in
            inTransit -= count
            if state != .closed { pump() }
        }
    }

    // MARK: The end

    private func finish() {
        guard state != .closed else { return }
        state = .closed
        unsent = []
        link.toClient.finish { [link] in link.client.lost(link, code: nil) }
        loop.perform { [self] in inactive() }
    }

    /// The peer has closed, or the network says so.
    func peerIsGone() {
        loop.perform { [self] in
            state = .closed
            inactive()
        }
    }

    private func inactive() {
        guard let connection else { return }
        self.connection = nil
        stage.trace.note(link.name, "the node has seen the end")
        shard.disconnect(connection)
    }
}
