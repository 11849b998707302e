/// Where messages are kept.
public enum StoreURL: Sendable, Equatable {
    /// One SQLite file; its path, relative to the working directory or absolute, is not empty.
    case sqlite(path: String)
    /// This process's memory.
    case memory
    /// Tables in DynamoDB.
    case dynamoDB(DynamoDBURL)
}

/// Where tables in DynamoDB are.
public struct DynamoDBURL: Sendable, Equatable {
    /// As `eu-central-1`.
    public var region: String
    /// `http://HOST:PORT` or `https://HOST`; nil: AWS's own in the region.
    public var endpoint: String?
    /// What the names of the tables begin with.
    public var prefix = "roost_"
    /// Whether missing tables are created at the start; nil: where an endpoint is given.
    public var create: Bool?

    public init(region: String) { self.region = region }
}

/// What connects the nodes of a cluster.
public enum BusURL: Sendable, Equatable {
    /// Nothing: this node is alone.
    case local
    /// Redis.
    case redis(RedisURL)
}

/// What stands between accepting a message and storing it.
public enum QueueURL: Sendable, Equatable {
    /// Nothing (`none:`): messages are stored at once.
    case absent
}

/// How clients say who they are.
public enum AuthMode: String, Sendable, CaseIterable {
    /// They name themselves, and are believed.
    case anonymous
    /// By a token that the server verifies (JWT).
    case jwt
}

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
    case text, json
}

/// The levels of log lines, the least severe first.
public enum LogLevel: String, Sendable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
}

extension StoreURL: CustomStringConvertible {
    /// The URL, as `--store` takes it.
    public var description: String {
        switch self {
        case .sqlite(let path): "sqlite:" + path
        case .memory: "memory:"
        case .dynamoDB(let url): url.description
        }
    }
}

extension DynamoDBURL: CustomStringConvertible {
    /// The URL, as `--store` takes it, with what was said.
    public var description: String {
        let fields = [
            endpoint.map { "endpoint=\($0)" }, prefix == "roost_" ? nil : "prefix=\(prefix)",
            create.map { "create=\($0)" },
        ].compactMap { $0 }
        return "dynamodb://\(region)" + (fields.isEmpty ? "" : "?" + fields.joined(separator: "&"))
    }
}

extension BusURL: CustomStringConvertible {
    /// The URL, as `--bus` takes it.
    public var description: String {
        switch self {
        case .local: "local:"
        case .redis(let url): url.description
        }
    }

    /// Whether other nodes hear it too.
    public var isShared: Bool {
        switch self {
        case .local: false
        case .redis: true
        }
    }
}

extension QueueURL: CustomStringConvertible {
    /// The URL, as `--queue` takes it.
    public var description: String {
        switch self {
        case .absent: "none:"
        }
    }
}
