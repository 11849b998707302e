import Logging
import NIOCore
import NIOSSL
import RoostEngine
import RoostHub
import RoostRedis
import RoostSettings

/// What connects a node to the others, as the settings name it.
struct Buses {
    private let settings: Settings
    private let trust: TLSConfiguration

    /// - Throws: `StartError` if the file of authorities that the URL names can't be read.
    init(settings: Settings) throws {
        self.settings = settings
        trust = try Buses.trust(settings.bus)
    }

    /// How long a node that starts waits to hear who else is there.
    static let introductionMs: Int64 = 3000

    /// Nil where the node is alone. Nothing is sent yet.
    /// - Throws: `StartError` if the bus is there and refuses.
    func membership(
        _ store: any Store, on loop: any EventLoop, log: Logger
    ) async throws -> (cluster: Hub.Membership, bus: RedisBus)? {
        guard case .redis(let url) = settings.bus else { return nil }
        do {
            let bus = try RedisBus(RedisAddress(url), on: loop, tls: trust)
            do throws(BusError) {
                try await bus.check()
            } catch .away(let reason) {
                // It may come later; until then this node is alone.
                log.warning("the bus is away; this node goes on alone", metadata: ["reason": "\(reason)"])
            }
            return (Hub.Membership(cluster: bus, storeID: try await store.storeID()), bus)
        } catch BusError.refused(let reason) {
            throw StartError(reason)
        }
    }

    /// What TLS trusts: what the URL names, or else the system's authorities.
    private static func trust(_ bus: BusURL) throws -> TLSConfiguration {
        var trust = TLSConfiguration.makeClientConfiguration()
        guard case .redis(let url) = bus, let path = url.authorities else { return trust }
        guard let authorities = try? NIOSSLCertificate.fromPEMFile(path), !authorities.isEmpty else {
            throw StartError(
                "\(path), which --bus names behind ?ca=, is no file of certificates that can be read; give the PEM file "
                    + "of the authority that has signed Redis' certificate.")
        }
        trust.trustRoots = .certificates(authorities)
        return trust
    }

    /// Sees that the nodes that are there already have the same store.
    func introduce(_ hub: Hub) async throws {
        guard let stranger = await hub.stranger(waitingMs: Buses.introductionMs) else { return }
        throw StartError(
            "another node on this bus, \(stranger.name), has a different store: give all nodes of a cluster the same "
                + "--store, or this one a --bus of its own.")
    }
}

extension RedisAddress {
    fileprivate init(_ url: RedisURL) {
        let topology: Topology =
            switch url.topology {
            case .single: .single
            case .cluster: .cluster
            case .sentinel(let master): .sentinel(master: master)
            }
        self.init(
            url.hosts.map { RedisEndpoint($0.name, $0.port) }, topology: topology,
            credentials: url.password.map { RedisCredentials(user: url.user, password: $0) }, database: url.database,
            isSecure: url.isSecure)
    }
}
