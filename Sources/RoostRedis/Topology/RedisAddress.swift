/// Where Redis is, and as whom to speak to it.
public struct RedisAddress: Sendable, Equatable {
    public enum Topology: Sendable, Equatable {
        /// One server.
        case single
        /// Redis Cluster; the endpoints are some of its nodes, the others are learnt from them.
        case cluster
        /// The endpoints are Sentinels, who know where the master of this name is.
        case sentinel(master: String)
    }

    /// At least one.
    public var endpoints: [RedisEndpoint]
    public var topology: Topology
    /// Nil: none are asked for. Sentinels that ask for credentials are given the same.
    public var credentials: RedisCredentials?
    /// The number of the database, which is 0 in a cluster. Nodes hear each other within one database only.
    public var database: Int
    /// Whether TLS is spoken, with Sentinels too.
    public var isSecure: Bool

    public init(
        _ endpoints: [RedisEndpoint], topology: Topology = .single, credentials: RedisCredentials? = nil,
        database: Int = 0, isSecure: Bool = false
    ) {
        precondition(!endpoints.isEmpty, "an address names at least one host")
        self.endpoints = endpoints
        self.topology = topology
        self.credentials = credentials
        self.database = database
        self.isSecure = isSecure
    }
}

/// The host and port of one server.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, IPv6 without brackets.
    public var host: String
    public var port: Int

    public init(_ host: String, _ port: Int) {
        self.host = host
        self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

public struct RedisCredentials: Sendable, Equatable {
    /// Nil: the default user, or a server that knows passwords only.
    public var user: String?
    public var password: String

    public init(user: String? = nil, password: String) {
        self.user = user
        self.password = password
    }
}
