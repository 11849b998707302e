/// What nodes have asked of what they share.
public struct Tally: Sendable {
    /// Posts that were published.
    public var posts = 0
    /// How often a node heard one.
    public var heard = 0
    /// Leases renewed; parts of boards written, read, cleaned and kept: a command each.
    public var renewals = 0
    public var writes = 0
    public var reads = 0
    public var cleanings = 0
    public var keepings = 0
    /// Tokens asked for.
    public var leases = 0
    /// Logs of which the store was asked where they end.
    public var looks = 0

    /// Commands to Redis that are no posts and depend on what is done.
    var askings: Int { writes + reads + cleanings + leases }

    static func - (later: Tally, earlier: Tally) -> Tally {
        var tally = Tally()
        for part in [
            \Tally.posts, \.heard, \.renewals, \.writes, \.reads, \.cleanings, \.keepings, \.leases, \.looks,
        ] {
            tally[keyPath: part] = later[keyPath: part] - earlier[keyPath: part]
        }
        return tally
    }
}
