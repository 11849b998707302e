import NIOCore
import RoostCore
import RoostEngine

/// Everything of the bus that lives on its loop: which server has what, and the ways there.
final class Switchboard {
    let address: RedisAddress
    let keys: Keys
    let locator: Locator
    let loop: any EventLoop
    private let connected: Locked<Bool>
    private var hear: (@Sendable (BusEvent) -> Void)?
    private var wanted: Set<BusChannel> = []
    private(set) var map: SlotMap?
    private var nodes: [RedisEndpoint: Node] = [:]
    /// Errands for when the map is there, and channels, which need no list: `wanted` says them.
    var waiting: [Errand] = []
    private var ticker: RepeatedTask?
    private(set) var isStopped = false

    private var search = Search()
    /// Why the bus is away, as it has been told.
    private var told: String?
    private var wasWhole = false
    /// Counters of servers that are no longer used.
    private var retired = BusCounters()
    /// Posts that went elsewhere after a refusal, since the map was learnt last.
    private var resent = 0

    /// When and how the map is asked for.
    private struct Search {
        var isUnderWay = false
        var failures = 0
        var error: BusError?
        var due = Moment.now
    }

    static let tick = TimeAmount.milliseconds(100)
    /// How often Sentinels and clusters are asked while nothing is amiss, and while something is.
    private static let (calmMs, alarmedMs): (Int64, Int64) = (10_000, 500)
    private static let maxResent = 10_000

    /// - Parameter connected: is kept at whether all servers can be reached.
    init(_ address: RedisAddress, keys: Keys, locator: Locator, connected: Locked<Bool>) {
        self.address = address
        self.keys = keys
        self.locator = locator
        self.connected = connected
        loop = locator.dialer.loop
        if address.topology == .single { map = SlotMap(all: address.endpoints[0]) }
    }

    var isSharded: Bool { address.topology == .cluster }
    private var endpoints: Set<RedisEndpoint> { map?.endpoints ?? [] }

    // MARK: Life

    func start(_ hear: @escaping @Sendable (BusEvent) -> Void) {
        guard !isStopped, self.hear == nil else { return }
        self.hear = hear
        let bound = NIOLoopBound(self, eventLoop: loop)
        ticker = loop.scheduleRepeatedTask(initialDelay: Switchboard.tick, delay: Switchboard.tick) { _ in
            bound.value.tick()
        }
        if let map { apply(map) } else { look() }
    }

    func stop() {
        isStopped = true
        hear = nil
        ticker?.cancel()
        connected.withLock { $0 = false }
        for node in nodes.values { retire(node, .stopped) }
        nodes = [:]
        fail(.stopped)
    }

    private func tick() {
        for node in nodes.values { node.tick() }
        let now = Moment.now
        while let first = waiting.first, first.until < now {
            waiting.removeFirst()
            first.completion(.failure(search.error ?? .away("No Redis has been found yet")))
        }
        if address.topology != .single, !search.isUnderWay, now >= search.due { look() }
    }

    // MARK: Which server has what

    private func look() {
        search.isUnderWay = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        locator.locate(known: endpoints.sorted { "\($0)" < "\($1)" }).whenComplete { result in
            bound.value.found(result)
        }
    }

    /// The map may be wrong: it is asked for anew, at once or as soon as it is decent.
    func lookSoon() { search.due = min(search.due, .now) }

    private func found(_ result: Result<SlotMap, any Error>) {
        guard !isStopped else { return }
        search.isUnderWay = false
        switch result {
        case .success(let map):
            (search.failures, search.error, resent) = (0, nil, 0)
            apply(map)
            search.due = .now + (isWhole ? Switchboard.calmMs : Switchboard.alarmedMs)
        case .failure(let error):
            let error = error as? BusError ?? .away("\(error)")
            search.failures += 1
            search.error = error
            search.due = .now + .random(in: 50...min(2000, 50 << Int64(min(search.failures, 10))))
            // Errands that came before anything was known have nowhere to go.
            if map == nil { fail(error) }
            updateStatus()
        }
    }

    private func apply(_ map: SlotMap) {
        self.map = map
        let endpoints = map.endpoints
        for endpoint in endpoints { _ = node(at: endpoint) }
        place()
        for (endpoint, node) in nodes where !endpoints.contains(endpoint) {
            nodes[endpoint] = nil
            retire(node, .away("\(node.peer.name) is no longer in charge. Try again"))
        }
        let errands = waiting
        waiting = []
        for errand in errands { run(errand) }
        updateStatus()
    }

    /// Has every channel listened to where it belongs. A channel is begun there before it ends elsewhere: it is better
    /// heard twice than not.
    private func place() {
        var channels: [RedisEndpoint: [BusChannel]] = [:]
        for channel in wanted {
            if let owner = owner(of: channel) { channels[owner, default: []].append(channel) }
        }
        for (endpoint, node) in nodes { node.subscriptions.subscribe(channels[endpoint] ?? []) }
        for (endpoint, node) in nodes {
            node.subscriptions.unsubscribe(Array(node.subscriptions.channels.subtracting(channels[endpoint] ?? [])))
        }
    }

    private func owner(of channel: BusChannel) -> RedisEndpoint? {
        isSharded ? map?[Slot(of: keys.channel(channel))] : map?[Slot(number: 0)]
    }

    func node(at endpoint: RedisEndpoint) -> Node {
        if let node = nodes[endpoint] { return node }
        let peer = locator.peer(endpoint)
        let hello = locator.hello(to: peer)
        func link() -> Link { Link(peer, hello: hello, dialer: locator.dialer) }
        let node = Node(
            peer, commands: CommandLink(link(), keys: keys, isSharded: isSharded),
            subscriptions: SubscriptionLink(link(), keys: keys, isSharded: isSharded))
        nodes[endpoint] = node
        node.start { [unowned self, unowned node] in take($0, from: node) }
        return node
    }

    private func retire(_ node: Node, _ error: BusError) {
        node.stop(error)
        retired += BusCounters(node)
    }

    // MARK: News

    private func take(_ news: Node.News, from node: Node) {
        switch news {
        case .posts(let posts): hear?(.posts(posts))
        case .inForce(let channels): tellInForce(channels)
        case .lost:
            search.due = min(search.due, .now + Switchboard.alarmedMs)
            updateStatus()
        case .whole:
            // Those that were confirmed while the other connection was away; the rest follows.
            if !updateStatus() { tellInForce(node.subscriptions.confirmed) }
        case .displaced: lookSoon()
        case .refused(let post, let text): refused(post, text, by: node)
        }
    }

    private func tellInForce(_ channels: some Sequence<BusChannel>) {
        // The rest is unlistened to in the same turn.
        let still = channels.filter { wanted.contains($0) }
        for part in still.pieces(of: SubscriptionLink.maxNames) { hear?(.inForce(part)) }
    }

    /// A post goes to where the slot is now. Any other refusal says that this server is of no use to the bus.
    private func refused(_ post: BusPost?, _ text: String, by node: Node) {
        if let redirect = Redirect(text, asked: node.peer.endpoint) {
            follow(redirect)
            guard let post, resent < Switchboard.maxResent else { return }
            resent += 1
            node.commands.takeBackDrop()
            self.node(at: redirect.endpoint).commands.publish([post])
        } else if text.hasPrefix("CLUSTERDOWN") || text.hasPrefix("TRYAGAIN") {
            lookSoon()
        } else {
            giveUp(node, node.peer.refusal(text))
        }
    }

    func follow(_ redirect: Redirect) {
        if redirect.kind == .moved { map?[redirect.slot] = redirect.endpoint }
        lookSoon()
    }

    func giveUp(_ node: Node, _ error: BusError) {
        node.commands.link.giveUp(error)
        node.subscriptions.link.giveUp(error)
        lookSoon()
    }

    private var isWhole: Bool { map != nil && endpoints.allSatisfy { nodes[$0]?.isWhole == true } }

    /// Tells that the bus is lost, once, and again where the reason is another; and all that is in force when it is
    /// back, since who listens to nothing at the server that was away would not hear of it.
    /// - Returns: whether it is back just now.
    @discardableResult private func updateStatus() -> Bool {
        let (isWhole, wasWhole) = (isWhole, wasWhole)
        self.wasWhole = isWhole
        connected.withLock { $0 = isWhole }
        guard !isWhole else {
            // For the first time too: the server that came last may have no channel.
            guard !wasWhole else { return false }
            told = nil
            tellInForce(nodes.values.flatMap(\.subscriptions.confirmed))
            return true
        }
        let errors = endpoints.sorted { "\($0)" < "\($1)" }.compactMap { nodes[$0]?.error }
        guard let reason = (search.error ?? errors.first)?.reason, reason != told else { return false }
        told = reason
        hear?(.lost(reason))
        return false
    }
}

extension Switchboard {
    func listen(to channels: [BusChannel]) {
        var channelsOf: [RedisEndpoint: [BusChannel]] = [:]
        for channel in channels {
            wanted.insert(channel)
            if let owner = owner(of: channel) { channelsOf[owner, default: []].append(channel) }
        }
        for (owner, channels) in channelsOf {
            guard let node = nodes[owner] else { continue }
            // Who asks again waits for an answer, too.
            let known = node.isWhole ? channels.filter { node.subscriptions.confirmed.contains($0) } : []
            node.subscriptions.subscribe(channels)
            if !known.isEmpty { take(.inForce(known), from: node) }
        }
    }

    func unlisten(to channels: [BusChannel]) {
        let known = channels.filter { wanted.remove($0) != nil }
        guard !known.isEmpty else { return }
        for node in nodes.values { node.subscriptions.unsubscribe(known) }
    }

    func publish(_ posts: [BusPost]) {
        guard isSharded else {
            guard let owner = map?[Slot(number: 0)], let node = nodes[owner] else { return drop(posts.count) }
            return node.commands.publish(posts)
        }
        for (owner, posts) in Dictionary(grouping: posts, by: { owner(of: $0.channel) }) {
            guard let owner, let node = nodes[owner] else {
                drop(posts.count)
                continue
            }
            node.commands.publish(posts)
        }
    }

    private func drop(_ count: Int) { retired.dropped += UInt64(count) }

    var counters: BusCounters {
        nodes.values.reduce(into: retired) { $0 += BusCounters($1) }
    }
}
