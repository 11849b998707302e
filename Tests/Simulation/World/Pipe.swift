import DequeModule
import NIOCore

/// One direction of a connection: bytes arrive in order, late, and in other pieces than they were sent in.
final class Pipe {
    private struct Piece {
        var due: Int64
        var bytes: ByteBuffer
    }

    /// Takes what has arrived.
    var deliver: (ByteBuffer) -> Void = { _ in }
    private let scheduler: Scheduler
    private let dice: Dice
    private let network: Shape.Network
    private var pieces: Deque<Piece> = []
    private var latest: Int64 = 0
    private(set) var isCut = false

    init(scheduler: Scheduler, dice: Dice, network: Shape.Network) {
        self.scheduler = scheduler
        self.dice = dice
        self.network = network
    }

    func send(_ bytes: ByteBuffer) {
        guard !isCut else { return }
        var rest = bytes
        while rest.readableBytes > 0 {
            let count =
                rest.readableBytes > 1 && dice.chance(network.splits)
                ? dice.int(1...(rest.readableBytes - 1)) : rest.readableBytes
            guard let piece = rest.readSlice(length: count) else { return }
            latest = max(latest, scheduler.now + dice.time(network.latency))
            pieces.append(Piece(due: latest, bytes: piece))
            scheduler.at(latest) { [self] in arrive() }
        }
    }

    private func arrive() {
        guard let first = pieces.first, first.due <= scheduler.now else { return }
        var bytes = pieces.removeFirst().bytes
        // What has arrived by now may be read at once.
        while let next = pieces.first, next.due <= scheduler.now, dice.chance(0.5) {
            bytes.writeImmutableBuffer(next.bytes)
            pieces.removeFirst()
        }
        deliver(bytes)
        if let next = pieces.first, next.due <= scheduler.now { scheduler.after(0) { [self] in arrive() } }
    }

    /// Calls `then` behind everything that was sent.
    func finish(_ then: @escaping () -> Void) {
        latest = max(latest, scheduler.now + dice.time(network.latency))
        scheduler.at(latest) { [self] in
            // The last pieces may be due at this very moment.
            if pieces.isEmpty || isCut { then() } else { scheduler.after(1) { [self] in finish(then) } }
        }
    }

    /// What is on its way is lost, and so is everything sent from now on.
    func cut() {
        isCut = true
        pieces = []
    }
}
