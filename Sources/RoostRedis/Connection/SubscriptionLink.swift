import NIOCore
import RoostCore
import RoostEngine

/// The connection that posts come in on, and what it is subscribed to.
final class SubscriptionLink {
    enum News {
        /// All wanted channels have been asked for.
        case ready
        case lost(BusError)
        /// Redis listens for us on these from now on.
        case confirmed([BusChannel])
        case posts([BusPost])
        /// Another server of the cluster has these now.
        case displaced([BusChannel])
    }

    /// Commands whose answers have not all come, in the order of answers.
    private enum Expected {
        case changes([BusChannel], isSubscribing: Bool, missing: Int)
        case pong
    }

    /// Channels of one command.
    static let maxNames = 1000

    let link: Link
    private let keys: Keys
    private let isSharded: Bool
    private var wire: RespWire?
    private var expected = CircularBuffer<Expected>()
    private var wanted: Set<BusChannel> = []
    private(set) var confirmed: Set<BusChannel> = []
    /// Changes of a channel that have not been answered: only the last one's answer says how things stand.
    private var unanswered: [BusChannel: Int] = [:]
    private var tell: (News) -> Void = { _ in }

    private(set) var received: UInt64 = 0

    init(_ link: Link, keys: Keys, isSharded: Bool) {
        self.link = link
        self.keys = keys
        self.isSharded = isSharded
    }

    var isReady: Bool { wire != nil }
    var channels: Set<BusChannel> { wanted }

    func start(_ tell: @escaping (News) -> Void) {
        self.tell = tell
        link.start { [unowned self] in take($0) }
    }

    func stop() {
        tell = { _ in }
        link.stop()
    }

    func tick() { link.tick() }

    // MARK: Changes

    /// Subscribes to those of the channels that it is not subscribed to, or asks again where that came to nothing.
    func subscribe(_ channels: [BusChannel]) {
        let changed = channels.filter { channel in
            let isNew = wanted.insert(channel).inserted
            return isNew || (!confirmed.contains(channel) && unanswered[channel] == nil)
        }
        change(changed, isSubscribing: true)
    }

    func unsubscribe(_ channels: [BusChannel]) {
        let changed = channels.filter { wanted.remove($0) != nil }
        for channel in changed { confirmed.remove(channel) }
        change(changed, isSubscribing: false)
    }

    private func change(_ channels: [BusChannel], isSubscribing: Bool) {
        guard let wire, !channels.isEmpty else { return }
        let verb = (isSharded ? "S" : "") + (isSubscribing ? "SUBSCRIBE" : "UNSUBSCRIBE")
        wire.send { out in
            for part in parts(channels) {
                for channel in part { unanswered[channel, default: 0] += 1 }
                out.writeCommand(RespCommand([.text(verb)] + part.map { .text(keys.channel($0)) }))
                expected.append(.changes(part, isSubscribing: isSubscribing, missing: part.count))
            }
        }
    }

    /// What may stand in one command: at most 1,000, and in a cluster of one slot.
    private func parts(_ channels: [BusChannel]) -> [[BusChannel]] {
        let groups =
            isSharded ? Array(Dictionary(grouping: channels) { Slot(of: keys.channel($0)) }.values) : [channels]
        return groups.flatMap { $0.pieces(of: SubscriptionLink.maxNames) }
    }

    // MARK: Answers

    private func take(_ news: Link.News) {
        switch news {
        case .ready(let wire):
            self.wire = wire
            change(Array(wanted), isSubscribing: true)
            tell(.ready)
        case .replies(let replies): take(replies)
        case .ping:
            wire?.send { $0.writeCommand(RespCommand(["PING"])) }
            expected.append(.pong)
        case .lost(let error):
            wire = nil
            expected.removeAll()
            confirmed = []
            unanswered = [:]
            tell(.lost(error))
        }
    }

    /// What one read brought, told at once: first what is in force, then what was said.
    private func take(_ replies: [RespValue]) {
        var (posts, begun, displaced) = ([BusPost](), [BusChannel](), [BusChannel]())
        for reply in replies {
            switch reply {
            // Lists in RESP2, pushes in RESP3.
            case .push(let items), .list(let items): take(items, &posts, &begun, &displaced)
            case .error(let text): refused(text, &displaced)
            default: pong()
            }
            guard wire != nil else { return }
        }
        received += UInt64(posts.count)
        if !begun.isEmpty { tell(.confirmed(begun)) }
        if !posts.isEmpty { tell(.posts(posts)) }
        if !displaced.isEmpty { tell(.displaced(displaced)) }
    }

    private func take(
        _ items: [RespValue], _ posts: inout [BusPost], _ begun: inout [BusChannel], _ displaced: inout [BusChannel]
    ) {
        guard items.count == 3, let kind = items[0].string else { return pong() }
        guard case .bytes(let name) = items[1], let channel = keys.channel(named: name) else { return }
        switch kind {
        case "message", "smessage":
            guard case .bytes(let bytes) = items[2], wanted.contains(channel) else { return }
            posts.append(BusPost(channel, bytes))
        case "subscribe", "ssubscribe":
            settle(channel)
            guard wire != nil, unanswered[channel] == nil, wanted.contains(channel), confirmed.insert(channel).inserted
            else {
                return
            }
            begun.append(channel)
        case "unsubscribe", "sunsubscribe":
            if isAwaited(channel) { return settle(channel) }
            // Nobody asked for it: the channel's slot has moved.
            confirmed.remove(channel)
            if wanted.contains(channel) { displaced.append(channel) }
        default: break
        }
    }

    /// Whether the oldest command ends this subscription.
    private func isAwaited(_ channel: BusChannel) -> Bool {
        guard case .changes(let channels, isSubscribing: false, _)? = expected.first else { return false }
        // Only in a cluster do subscriptions end by themselves, and its commands name few channels.
        return !isSharded || channels.contains(channel)
    }

    /// One channel of the oldest command has been answered.
    private func settle(_ channel: BusChannel) {
        // Answers and what a moving slot ends by itself look alike; where they were taken for one another, only a new
        // connection knows again what is in force.
        guard case .changes(let channels, let isSubscribing, let missing)? = expected.first,
            !isSharded || channels.contains(channel)
        else { return link.giveUp(link.peer.outOfStep) }
        if missing == 1 {
            expected.removeFirst()
        } else {
            expected[expected.startIndex] = .changes(channels, isSubscribing: isSubscribing, missing: missing - 1)
        }
        answered(channel)
    }

    private func answered(_ channel: BusChannel) {
        guard let count = unanswered[channel] else { return }
        unanswered[channel] = count == 1 ? nil : count - 1
    }

    private func pong() {
        if case .pong? = expected.first { expected.removeFirst() }
    }

    /// The oldest command as a whole came to nothing.
    private func refused(_ text: String, _ displaced: inout [BusChannel]) {
        guard case .changes(let channels, let isSubscribing, _)? = expected.first else { return pong() }
        expected.removeFirst()
        for channel in channels { answered(channel) }
        let isPassing = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"].contains { text.hasPrefix($0 + " ") }
        guard isPassing else { return link.giveUp(link.peer.refusal(text)) }
        if isSubscribing { displaced += channels.filter { wanted.contains($0) && unanswered[$0] == nil } }
    }
}

extension Array {
    /// Its elements in pieces of at most so many.
    func pieces(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
