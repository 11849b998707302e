import RoostEngine

/// One server of Redis that we use: commands go out on one connection, posts come in on another.
///
/// A burst of posts can't hold up the answers to commands so, and a Redis that closes a subscriber that is too slow
/// leaves the commands alone. As far as the bus is concerned the two are one: channels are in force while both stand.
final class Node {
    enum News {
        case inForce([BusChannel])
        case posts([BusPost])
        /// It can't be used, or for another reason than before.
        case lost
        /// It can be used again; what is confirmed already is in force.
        case whole
        /// Channels that another server has now.
        case displaced([BusChannel])
        case refused(BusPost?, String)
    }

    let peer: Peer
    let commands: CommandLink
    let subscriptions: SubscriptionLink
    /// Why it can't be used, if an attempt has failed.
    private(set) var error: BusError?
    private var tell: (News) -> Void = { _ in }

    init(_ peer: Peer, commands: CommandLink, subscriptions: SubscriptionLink) {
        self.peer = peer
        self.commands = commands
        self.subscriptions = subscriptions
    }

    var isWhole: Bool { commands.isReady && subscriptions.isReady }

    func start(_ tell: @escaping (News) -> Void) {
        self.tell = tell
        commands.start { [unowned self] in take($0) }
        subscriptions.start { [unowned self] in take($0) }
    }

    func stop(_ error: BusError) {
        tell = { _ in }
        commands.stop(error)
        subscriptions.stop()
    }

    func tick() {
        commands.tick()
        subscriptions.tick()
    }

    private func take(_ news: CommandLink.News) {
        switch news {
        case .ready: oneIsReady()
        case .lost(let error): lost(error)
        case .refused(let post, let text): tell(.refused(post, text))
        }
    }

    private func take(_ news: SubscriptionLink.News) {
        switch news {
        case .ready: oneIsReady()
        case .lost(let error): lost(error)
        case .confirmed(let channels): if isWhole { tell(.inForce(channels)) }
        case .posts(let posts): tell(.posts(posts))
        case .displaced(let channels): tell(.displaced(channels))
        }
    }

    private func lost(_ error: BusError) {
        self.error = error
        tell(.lost)
    }

    private func oneIsReady() {
        guard isWhole else { return }
        error = nil
        tell(.whole)
    }
}
