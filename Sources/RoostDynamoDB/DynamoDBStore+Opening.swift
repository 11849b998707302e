internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
public import RoostCore
public import RoostEngine

#if canImport(Darwin)
internal import Darwin
#else
internal import Glibc
#endif

extension DynamoDBStore {
    /// Opens the store. With `place.creates`, missing tables are created first and waited for, up to two minutes.
    ///
    /// - Parameters:
    ///   - environment: where the AWS credentials, or the ways to them, are told.
    ///   - readFile: gives the text of a file; what it throws is shown by its description.
    ///   - wall: the time by which requests are signed.
    ///   - now: the time at which the standing rooms are said to have been created, if they are new.
    public static func open(
        _ place: DynamoDBPlace, options: StoreOptions, at now: Timestamp, environment: [String: String],
        readFile: @escaping @Sendable (String) throws -> String, wall: @escaping @Sendable () -> Timestamp
    ) async throws(DynamoDBOpeningError) -> DynamoDBStore {
        try await open(
            place, options: options, at: now, environment: environment, readFile: readFile, wall: wall, world: .real,
            skewMs: skewMs)
    }

    package static func open(
        _ place: DynamoDBPlace, options: StoreOptions, at now: Timestamp, environment: [String: String],
        readFile: @escaping @Sendable (String) throws -> String, wall: @escaping @Sendable () -> Timestamp,
        world: StoreWorld, skewMs: Int64
    ) async throws(DynamoDBOpeningError) -> DynamoDBStore {
        try await withTables(place, environment, readFile, wall, world) { tables, world, finish throws(TableError) in
            let schema = Schema(tables: tables, world: world)
            if place.creates {
                _ = try await schema.create()
            } else if case let missing = try await schema.missing(), !missing.isEmpty {
                throw TableError(.missing, missingTables(missing))
            }
            return try await DynamoDBStore(
                over: tables, options: options, world: world, at: now, skewMs: skewMs, finish: finish)
        }
    }

    /// Creates the tables that are missing, whatever `place.creates` says; their names.
    public static func createTables(
        _ place: DynamoDBPlace, environment: [String: String],
        readFile: @escaping @Sendable (String) throws -> String, wall: @escaping @Sendable () -> Timestamp
    ) async throws(DynamoDBOpeningError) -> [String] {
        try await withTables(place, environment, readFile, wall, .real) { tables, world, finish throws(TableError) in
            let created = try await Schema(tables: tables, world: world).create()
            await finish()
            return created
        }
    }

    private static func missingTables(_ names: [String]) -> String {
        names.count == 1
            ? "the table \(names[0]) is missing" : "the tables \(names.joined(separator: ", ")) are missing"
    }

    /// Makes what calls need; `finish` is called for it if `body` throws.
    private static func withTables<T: Sendable>(
        _ place: DynamoDBPlace, _ environment: [String: String],
        _ readFile: @escaping @Sendable (String) throws -> String, _ wall: @escaping @Sendable () -> Timestamp,
        _ world: StoreWorld,
        _ body: (DynamoTables, StoreWorld, @escaping @Sendable () async -> Void) async throws(TableError) -> T
    ) async throws(DynamoDBOpeningError) -> T {
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration(world))
        let finish: @Sendable () async -> Void = { try? await client.shutdown() }
        let source = CredentialsSource(
            CredentialsPlaces(environment: environment, readFile: readFile) { method, url, headers in
                var request = HTTPClientRequest(url: url)
                request.method = HTTPMethod(rawValue: method)
                for (name, value) in headers { request.headers.add(name: name, value: value) }
                let answer = try await request.ask(client, within: min(1500, world.timeoutMs), most: 1 << 20)
                return CredentialsPlaces.Answer(status: answer.status, body: answer.body)
            })
        let tables = DynamoTables(
            place, client: client, credentials: source, wall: wall, timeoutMs: world.timeoutMs)
        do throws(TableError) {
            return try await body(tables, world, finish)
        } catch {
            await finish()
            throw DynamoDBOpeningError(error, place)
        }
    }

    /// Repeating and giving up are decided in `PatientTables` alone.
    private static func configuration(_ world: StoreWorld) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            timeout: HTTPClient.Configuration.Timeout(connect: .seconds(2), read: .milliseconds(world.timeoutMs)))
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }
}

extension StoreWorld {
    /// This process's.
    package static var real: StoreWorld {
        StoreWorld(
            monotonic: {
                var now = timespec()
                clock_gettime(StoreWorld.clock, &now)
                return Moment(milliseconds: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
            },
            random: { UInt64.random(in: .min ... .max) },
            pause: { try? await Task.sleep(for: .milliseconds($0)) })
    }

    /// A clock that goes on while the host is suspended: what is remembered of a log may be too old afterwards.
    private static var clock: clockid_t {
        #if os(Linux)
        CLOCK_BOOTTIME
        #else
        CLOCK_MONOTONIC
        #endif
    }
}
