import NIOCore
import RoostEngine

/// Finds out which server has what: by the address, by Sentinels, or by any node of a cluster.
struct Locator {
    let address: RedisAddress
    let dialer: Dialer

    /// Asks one after the other of those who may know, until one does.
    /// - Parameter known: servers that were found before; they are asked first, in a cluster.
    /// - Returns: fails with the last `BusError`; a refusal goes before what is merely away.
    func locate(known: [RedisEndpoint]) -> EventLoopFuture<SlotMap> {
        switch address.topology {
        case .single: dialer.loop.makeSucceededFuture(SlotMap(all: address.endpoints[0]))
        case .cluster: first(of: known + address.endpoints.filter { !known.contains($0) }, askNode)
        case .sentinel(let master): first(of: address.endpoints) { askSentinel($0, master) }
        }
    }

    func peer(_ endpoint: RedisEndpoint) -> Peer {
        Peer(
            endpoint: endpoint, user: address.credentials?.user, isFound: address.topology != .single,
            isSecure: address.isSecure)
    }

    /// What is said first to a server that holds data.
    func hello(to peer: Peer) -> Greeting {
        Greeting(peer, address.credentials, database: address.topology == .cluster ? 0 : address.database)
    }

    private func first(
        of endpoints: [RedisEndpoint], after failure: BusError? = nil,
        _ ask: @escaping (RedisEndpoint) -> EventLoopFuture<SlotMap>
    ) -> EventLoopFuture<SlotMap> {
        guard let next = endpoints.first else {
            return dialer.loop.makeFailedFuture(failure ?? BusError.away("There is no Redis to ask"))
        }
        let bound = NIOLoopBound((self, ask), eventLoop: dialer.loop)
        return ask(next).flatMapError { error in
            let (locator, ask) = bound.value
            var worst = error as? BusError ?? .away("\(error)")
            if case .refused? = failure, case .away = worst { worst = failure ?? worst }
            return locator.first(of: Array(endpoints.dropFirst()), after: worst, ask)
        }
    }

    // MARK: Cluster

    private func askNode(_ endpoint: RedisEndpoint) -> EventLoopFuture<SlotMap> {
        let peer = peer(endpoint)
        // A replica knows the map as well as its master.
        let hello = Greeting(peer, address.credentials, database: 0, takesReplicas: true)
        return Inquiry.ask(peer, [RespCommand(["CLUSTER", "SLOTS"])], hello: hello, dialer: dialer)
            .flatMapThrowing { answers in
                if case .error(let text) = answers[0] {
                    guard text.contains("cluster support disabled") else { throw peer.refusal(text) }
                    throw BusError.refused(
                        "\(peer.name) is no node of a cluster: write redis:// instead of redis+cluster://")
                }
                guard let map = SlotMap(answers[0], asked: endpoint) else {
                    throw BusError.away(
                        "\(peer.name) knows of no slots yet: its cluster is not made. `redis-cli --cluster create` makes it"
                    )
                }
                return map
            }
    }

    // MARK: Sentinel

    private func askSentinel(_ endpoint: RedisEndpoint, _ master: String) -> EventLoopFuture<SlotMap> {
        let peer = peer(endpoint)
        let question = RespCommand(["SENTINEL", "get-master-addr-by-name", .text(master)])
        let bound = NIOLoopBound((self, peer), eventLoop: dialer.loop)
        return Inquiry.ask(peer, [question], hello: nil, dialer: dialer).flatMap { answers in
            let (locator, peer) = bound.value
            guard case .error(let text) = answers[0], text.hasPrefix("NOAUTH"), let auth = locator.sentinelAuth else {
                return locator.dialer.loop.makeSucceededFuture(answers[0])
            }
            return Inquiry.ask(peer, [auth, question], hello: nil, dialer: locator.dialer).map { answers in
                if case .error = answers[0] { answers[0] } else { answers[1] }
            }
        }.flatMapThrowing { try bound.value.0.master(in: $0, named: master, from: bound.value.1) }
    }

    /// Sentinels have no HELLO before version 6.2.
    private var sentinelAuth: RespCommand? {
        guard let credentials = address.credentials else { return nil }
        let user = credentials.user.map { [RespWord.text($0)] } ?? []
        return RespCommand(["AUTH"] + user + [.text(credentials.password)])
    }

    private func master(in answer: RespValue, named name: String, from peer: Peer) throws -> SlotMap {
        switch answer {
        case .error(let text) where text.hasPrefix("ERR unknown command"):
            throw BusError.refused("\(peer.name) is no Sentinel: write redis:// instead of redis+sentinel://")
        case .error(let text) where text.hasPrefix("IDONTKNOW"):
            throw BusError.away(
                "The Sentinel at \(peer.endpoint) does not know yet where \(name) is. It is tried again")
        case .error(let text): throw peer.refusal(text)
        default: break
        }
        guard let items = answer.items, items.count == 2, let host = items[0].string, let port = items[1].number else {
            throw BusError.refused(
                "The Sentinel at \(peer.endpoint) knows no master called \(name): name one of those that `SENTINEL "
                    + "MASTERS` lists there at the end of --bus")
        }
        return SlotMap(all: RedisEndpoint(host, Int(port)))
    }
}
