/// The effective configuration of one process: typed, checked, no string left to parse.
///
/// The initial value of each property is the option's default. A new option is one property here and one line in
/// `OptionTable`; its flag, its environment variable, its file key, the help and `roost config print` follow from them.
///
/// Where a limit says "0 = off", zero means that the limit is not applied.
public struct Settings: Sendable, Equatable {
    // Listening

    /// The address to listen on: an IPv4 or IPv6 address without brackets, or a host name.
    public var host = "127.0.0.1"
    /// The TCP port, 0 to 65535; 0 takes a free one.
    public var port = 8080
    /// What precedes every path: empty, or `/` and segments without a closing `/`.
    public var basePath = ""
    /// Event loops, up to 1024; 0 = one per core.
    public var loops = 0
    /// The PEM file of the certificate, with those that lead to its root behind it; nil: TLS is not spoken.
    public var tlsCert: String?
    /// The PEM file of the certificate's private key; there if and only if `tlsCert` is.
    public var tlsKey: String?
    /// What is served: not empty.
    public var planes: Set<Plane> = [.http, .websocket]
    /// Whether frames are sent straight to their sockets where nothing is queued.
    public var directSends = true

    // HTTP

    /// How long a session of `GET /session` is kept after its last visit, from a second to 30 days; 0 = off.
    public var sessionLife = Duration.seconds(3600)

    // WebSocket

    /// Whether messages are compressed, each by itself, for clients that offer permessage-deflate.
    public var compression = false
    /// Whether `/echo` answers every WebSocket message with itself, for conformance suites, and `/echo/NAME` sends it to
    /// everybody there on the same event loop, for benchmarks; on loopback only.
    public var conformance = false

    // Engines

    /// Where messages are kept.
    public var store = StoreURL.sqlite(path: "data/roost.db")
    /// What connects the nodes of a cluster.
    public var bus = BusURL.local
    /// What stands between accepting a message and storing it.
    public var queue = QueueURL.absent

    // Security

    /// How clients say who they are.
    public var auth = AuthMode.anonymous
    /// What tokens are signed with (HS256), not empty; nil: there is none, which `auth` allows in anonymous mode only.
    public var jwtSecret: String?
    /// How long a client without a token in its handshake may take to send one, from 10 ms to 10 min; 0 = off.
    public var authTimeout = Duration.seconds(10)
    /// Whether clients without a token are served on addresses other than loopback.
    public var allowAnonymous = false
    /// The origins whose pages may connect; empty: the server's own, and in anonymous loopback mode any loopback one.
    public var allowedOrigins: [AllowedOrigin] = []

    // Rooms

    /// Whether joining, publishing to or streaming an unknown room creates it.
    public var createOnJoin = true
    /// Rooms that one connection may be in; 0 = off.
    public var maxRoomsPerConnection = 128
    /// Messages on one page of history; 0 = off.
    public var maxHistory = 1000
    /// For how long a message sent again is recognised, from 100 ms to 30 days; 0 = off.
    public var dedupeWindow = Duration.seconds(600)
    /// What rooms keep and allow, by their names: the first that matches counts.
    public var kinds: [KindSetting] = []

    // Limits

    /// Bytes of one message; 0 = off.
    public var maxMessageBytes = 65_536
    /// Messages a second, per connection and per user; 0 = off.
    public var rateLimitMessages = 200
    /// Messages that may come at once before `rateLimitMessages` bites; 0 = one second's worth of it.
    public var rateLimitBurst = 1000
    /// New connections a second, per address; 0 = off.
    public var rateLimitConnects = 100
    /// New connections that may come at once before `rateLimitConnects` bites; 0 = one second's worth of it.
    public var rateLimitConnectsBurst = 1000
    /// Bytes waiting for one connection before its reader counts as behind; 0 = off.
    public var maxUnsentBytes = 1_048_576
    /// Connections of this node; 0 = off.
    public var maxConnections = 0
    /// Bytes of the head of an HTTP request; 0 = off.
    public var maxHeadBytes = 16_384
    /// Bytes of the body of an HTTP request; 0 = off.
    public var maxBodyBytes = 1_048_576
    /// Bytes of recent messages that this node holds in memory; 0 = off: every read goes to the store.
    public var recentBytes = 64 << 20

    // Heartbeat

    /// The time between the server's pings, from 10 ms to an hour; 0 = off.
    public var heartbeat = Duration.seconds(25)
    /// How long a ping may stay unanswered, from 10 ms to an hour; 0 = off.
    public var heartbeatTimeout = Duration.seconds(10)

    // Shutdown

    /// How long connections are still taken after `/ready` has turned 503, from 10 ms to 10 min; 0 = not at all.
    public var drainDelay = Duration.zero
    /// The time over which clients are sent away, from 10 ms to an hour; 0 = all at once.
    public var drainWindow = Duration.seconds(20)

    // Logs and configuration

    /// How log lines are written.
    public var logFormat = LogFormat.text
    /// The least severe level that is logged.
    public var logLevel = LogLevel.info
    /// The configuration file that was read, as it was named.
    public var config: String?

    /// The defaults.
    public init() {}

    /// Whether only this machine can connect: `host` is in 127.0.0.0/8, `::1` or `localhost`.
    public var bindsLoopbackOnly: Bool { isLoopback(host: host) }

    /// Whether clients connect by HTTPS and WSS, and by nothing else.
    public var speaksTLS: Bool { tlsCert != nil }
}
