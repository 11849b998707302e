/// Every option, once, in the order of the help.
struct OptionTable: Sendable {
    struct Group: Sendable {
        let title: String
        let options: [Option]
    }

    let groups: [Group]

    /// All options in order.
    var options: [Option] { groups.flatMap(\.options) }

    /// The options of `roost serve`.
    static let standard = OptionTable(groups: [
        Group(
            title: "Listening",
            options: [
                Option("host", \.host, .host, "address to listen on"),
                Option("port", \.port, .integer(0...65_535, zero: "a free port"), "port to listen on"),
                Option("base-path", \.basePath, .basePath, "prefix of every path, such as /realtime"),
                Option(
                    "tls-cert", \.tlsCert, .path,
                    "PEM file of the certificate and the chain behind it: serve HTTPS and WSS instead of HTTP and WS"),
                Option("tls-key", \.tlsKey, .path, "PEM file of the certificate's private key"),
                Option("loops", \.loops, .integer(0...1024, zero: "one per core"), "event loops"),
                Option(
                    "direct-sends", \.directSends, .boolean,
                    "frames go straight to sockets, past the event loop's queue"),
                Option(
                    "planes", \.planes, .planes,
                    "what is served: the HTTP API and the web chat, WebSockets, or both; /health, /ready and /metrics "
                        + "always are"),
            ]),
        Group(
            title: "HTTP",
            options: [
                Option(
                    "session-life", \.sessionLife, .duration(.seconds(1) ... .seconds(30 * 86_400)),
                    "how long a session of GET /session is kept after its last visit")
            ]),
        Group(
            title: "WebSocket",
            options: [
                Option(
                    "compression", \.compression, .boolean,
                    "compress messages for clients that offer it; off, since that takes CPU (20 to 40 µs per KiB, in "
                        + "small rooms for each delivery) and memory (250 KiB per event loop)"),
                Option(
                    "conformance", \.conformance, .boolean,
                    "GET /echo answers messages with themselves, /echo/NAME tells all there; for tests, loopback only"),
            ]),
        Group(
            title: "Engines",
            options: [
                Option("store", \.store, .store, "where messages are kept", .url),
                Option("bus", \.bus, .bus, "what connects the nodes of a cluster", .url),
                Option("queue", \.queue, .queue, "what holds accepted messages until they are stored", .url),
            ]),
        Group(
            title: "Security",
            options: [
                Option("auth", \.auth, .choice, "how clients say who they are: by name, or by a token"),
                Option("jwt-secret", \.jwtSecret, .secret, "what tokens are signed with (HS256)", .secret),
                Option(
                    "auth-timeout", \.authTimeout, .duration(.milliseconds(10) ... .seconds(600)),
                    "how long a client may take to send its token"),
                Option("allow-anonymous", \.allowAnonymous, .boolean, "serve clients without a token beyond loopback"),
                Option(
                    "allowed-origins", \.allowedOrigins, .origins,
                    "origins of pages that may connect; empty: the server's own"),
            ]),
        Group(
            title: "Rooms",
            options: [
                Option("create-on-join", \.createOnJoin, .boolean, "an unknown room is created by its first use"),
                Option(
                    "max-rooms-per-connection", \.maxRoomsPerConnection, .limit(1...100_000),
                    "rooms that one connection may be in"),
                Option("max-history", \.maxHistory, .limit(1...100_000), "messages on one page of history"),
                Option(
                    "dedupe-window", \.dedupeWindow, .duration(.milliseconds(100) ... .seconds(30 * 86_400)),
                    "for how long a message sent again is stored once"),
                Option("kinds", \.kinds, .kinds, "what rooms keep and allow by their names, the first match counting"),
            ]),
        Group(
            title: "Limits",
            options: [
                Option("max-message-bytes", \.maxMessageBytes, .bytes(1...gibibyte), "size of one message"),
                Option(
                    "rate-limit-messages", \.rateLimitMessages, .limit(1...million),
                    "messages a second, per connection and per user"),
                Option("rate-limit-burst", \.rateLimitBurst, .burst, "messages at once before that limit bites"),
                Option(
                    "rate-limit-connects", \.rateLimitConnects, .limit(1...million),
                    "new connections a second, per address"),
                Option(
                    "rate-limit-connects-burst", \.rateLimitConnectsBurst, .burst,
                    "new connections at once before that limit bites"),
                Option("max-unsent-bytes", \.maxUnsentBytes, .bytes(1...gibibyte), "unsent bytes of one connection"),
                Option("max-connections", \.maxConnections, .limit(1...10 * million), "connections of this node"),
                Option("max-head-bytes", \.maxHeadBytes, .bytes(256...16 * mebibyte), "size of an HTTP request's head"),
                Option("max-body-bytes", \.maxBodyBytes, .bytes(1...gibibyte), "size of an HTTP request's body"),
                Option(
                    "recent-bytes", \.recentBytes, .bytes(1...1024 * gibibyte),
                    "recent messages of all rooms held in memory"),
            ]),
        Group(
            title: "Heartbeat",
            options: [
                Option("heartbeat", \.heartbeat, .duration(.milliseconds(10) ... .seconds(3600)), "time between pings"),
                Option(
                    "heartbeat-timeout", \.heartbeatTimeout, .duration(.milliseconds(10) ... .seconds(3600)),
                    "how long a ping may stay unanswered"),
            ]),
        Group(
            title: "Shutdown",
            options: [
                Option(
                    "drain-delay", \.drainDelay, .duration(.milliseconds(10) ... .seconds(600), zero: "none"),
                    "time between /ready turning 503 and the last new connection"),
                Option(
                    "drain-window", \.drainWindow, .duration(.milliseconds(10) ... .seconds(3600), zero: "all at once"),
                    "time over which clients are sent away"),
            ]),
        Group(
            title: "Logs and configuration",
            options: [
                Option("log-format", \.logFormat, .choice, "how log lines are written"),
                Option("log-level", \.logLevel, .choice, "the least severe level that is logged"),
                Option("config", \.config, .path, "YAML file to read options from", .notInFile),
            ]),
    ])
}

private let million = 1_000_000
private let mebibyte = 1_048_576
private let gibibyte = 1_073_741_824

extension ValueForm<Int> {
    /// A rate limit's burst. It has no "off": a bucket that holds nothing would let nothing through.
    fileprivate static var burst: Self { integer(0...million, zero: "one second's worth") }
}
