/// Where a store's tables are.
public struct DynamoDBPlace: Sendable, Equatable {
    /// As `eu-central-1`.
    public let region: String
    /// The URL that is asked: the region's own unless another was given.
    public let url: String
    /// What the tables' names begin with: `roost_` makes `roost_users` and so on.
    public let prefix: String
    /// Whether missing tables are created when the store is opened.
    public let creates: Bool
    /// The URL's host, with its port where that is not the scheme's own: what is signed and sent as `host`.
    let host: String

    /// - Parameter endpoint: a URL without path, of `http` or `https`; nil: AWS's own in this region.
    public init(region: String, endpoint: String?, prefix: String, creates: Bool) {
        self.region = region
        self.prefix = prefix
        self.creates = creates
        let suffix = region.hasPrefix("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com"
        var url = endpoint ?? "https://dynamodb.\(region)\(suffix)"
        while url.hasSuffix("/") { url.removeLast() }
        self.url = url + "/"
        var host = url.split(separator: "/").last.map(String.init) ?? url
        let usual = url.hasPrefix("https:") ? ":443" : ":80"
        if host.hasSuffix(usual) { host.removeLast(usual.count) }
        self.host = host
    }
}
