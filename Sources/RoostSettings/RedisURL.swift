/// Where Redis is: `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, and the forms for Sentinels and clusters.
public struct RedisURL: Sendable, Equatable {
    public enum Topology: Sendable, Equatable {
        /// One server.
        case single
        /// Redis Cluster: the hosts are some of its nodes.
        case cluster
        /// The hosts are Sentinels that know the master of this name.
        case sentinel(master: String)
    }

    public struct Host: Sendable, Equatable {
        /// A name or an address, IPv6 without brackets.
        public var name: String
        /// 1 to 65535.
        public var port: Int

        public init(_ name: String, _ port: Int) {
            self.name = name
            self.port = port
        }
    }

    public var topology: Topology
    /// At least one; exactly one of a single server.
    public var hosts: [Host]
    /// Nil: none is named; there is none without a password.
    public var user: String?
    /// Not empty; nil: there is none.
    public var password: String?
    /// The number of the database; 0 in a cluster and behind Sentinels.
    public var database: Int
    /// Whether TLS is spoken.
    public var isSecure: Bool
    /// The PEM file of the authorities that TLS trusts; nil: those of the system.
    public var authorities: String?

    public init(
        _ topology: Topology, _ hosts: [Host], user: String? = nil, password: String? = nil, database: Int = 0,
        isSecure: Bool = false, authorities: String? = nil
    ) {
        self.topology = topology
        self.hosts = hosts
        self.user = user
        self.password = password
        self.database = database
        self.isSecure = isSecure
        self.authorities = authorities
    }
}

extension RedisURL: CustomStringConvertible {
    /// The URL as `--bus` takes it, its password included.
    public var description: String {
        let credentials = password.map { "\(percentEncoded(user ?? "")):\(percentEncoded($0))@" } ?? ""
        let places = hosts.map { "\($0.name.contains(":") ? "[\($0.name)]" : $0.name):\($0.port)" }
        let start = (isSecure ? "rediss" : "redis") + kind + "://" + credentials + places.joined(separator: ",")
        let path =
            switch topology {
            case .single: database == 0 ? "" : "/\(database)"
            case .cluster: ""
            case .sentinel(let master): "/" + percentEncoded(master)
            }
        return start + path + (authorities.map { "?ca=" + pathText($0) } ?? "")
    }

    private func pathText(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).map { percentEncoded(String($0)) }
            .joined(separator: "/")
    }

    private var kind: String {
        switch topology {
        case .single: ""
        case .cluster: "+cluster"
        case .sentinel: "+sentinel"
        }
    }
}
