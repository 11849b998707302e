public import Logging
import RoostCore
import RoostDynamoDB
import RoostEngine
import RoostSQLite
public import RoostSettings
import ServiceLifecycle

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The stores that the settings can name: how a node opens them, and how `roost store` looks after them.
public struct Stores: Sendable {
    /// How long a node waits before it tries again to reach a store that doesn't answer.
    static let retry = Duration.seconds(2)

    private let settings: Settings
    private let environment: [String: String]
    private let readFile: @Sendable (String) throws -> String

    /// - Parameters:
    ///   - environment: where stores in the cloud find their credentials.
    ///   - readFile: gives the text of the file at a path; what it throws is shown by its description.
    public init(
        settings: Settings, environment: [String: String], readFile: @escaping @Sendable (String) throws -> String
    ) {
        self.settings = settings
        self.environment = environment
        self.readFile = readFile
    }

    /// What `/health` calls the store.
    var kind: String {
        switch settings.store {
        case .memory: "memory"
        case .sqlite: "sqlite"
        case .dynamoDB: "dynamodb"
        }
    }

    /// Opens the store of a node. One that can't be reached is tried again and again; nil if the node was told to stop
    /// meanwhile.
    func open(log: Logger) async throws -> (any Store)? {
        let now = Vitals.wall()
        let options = try options()
        switch settings.store {
        case .memory: return withMemoryRooms(MemoryStore(options: options, at: now), options, at: now)
        case .sqlite(let path):
            do throws(SQLiteOpeningError) {
                return withMemoryRooms(try SQLiteStore(path: path, options: options, at: now), options, at: now)
            } catch {
                throw StartError(error.reason)
            }
        case .dynamoDB(let url):
            let store = try await cancelWhenGracefulShutdown { try await reach(url, options, log: log) }
            return store.map { withMemoryRooms($0, options, at: now) }
        }
    }

    private func options() throws -> StoreOptions {
        StoreOptions(
            dedupeWindowMs: settings.dedupeWindow.milliseconds, createOnJoin: settings.createOnJoin,
            kinds: try Kinds(settings.kinds))
    }

    /// The store with another one beside it for rooms whose kind keeps its log in memory.
    private func withMemoryRooms(_ main: any Store, _ options: StoreOptions, at now: Timestamp) -> any Store {
        options.kinds.hasMemoryLogs ? KindStore(main: main, options: options, at: now) : main
    }

    private func reach(_ url: DynamoDBURL, _ options: StoreOptions, log: Logger) async throws -> DynamoDBStore? {
        while !Task.isCancelled {
            do throws(DynamoDBOpeningError) {
                return try await open(url, options)
            } catch {
                guard error.kind == .unreachable else { throw StartError(error.reason) }
                log.warning("the store can't be reached; trying again", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Stores.retry)
        }
        return nil
    }

    private func open(_ url: DynamoDBURL, _ options: StoreOptions) async throws(DynamoDBOpeningError) -> DynamoDBStore {
        try await DynamoDBStore.open(
            DynamoDBPlace(url), options: options, at: Vitals.wall(), environment: environment, readFile: readFile,
            wall: Vitals.wall)
    }
}

// `roost store`.
extension Stores {
    /// Creates what the store needs and lacks; one sentence about what was done. Throws `StartError`.
    public func create() async throws -> String {
        switch settings.store {
        case .memory: return "the store memory: needs nothing to be created"
        case .sqlite(let path):
            _ = try await checkSQLite(path)
            return "the store sqlite:\(path) is ready"
        case .dynamoDB(let url):
            do throws(DynamoDBOpeningError) {
                let created = try await DynamoDBStore.createTables(
                    DynamoDBPlace(url), environment: environment, readFile: readFile, wall: Vitals.wall)
                return created.isEmpty
                    ? "all tables of the store \(url) were there already"
                    : "created \(created.joined(separator: ", "))"
            } catch {
                throw StartError(error.reason)
            }
        }
    }

    /// Opens the store as a node would, but creates neither tables nor files; one sentence about it. Throws
    /// `StartError`.
    public func check() async throws -> String {
        switch settings.store {
        case .memory: return "the store memory: is always there"
        case .sqlite(let path):
            // Opening would make the file.
            guard access(path, F_OK) == 0 else {
                throw StartError(
                    "The store \(settings.store) is missing; `roost store create` or the first `roost serve` makes it.")
            }
            return try await checkSQLite(path)
        case .dynamoDB(var url):
            url.create = false
            let options = try options()
            let store: DynamoDBStore
            do throws(DynamoDBOpeningError) {
                store = try await open(url, options)
            } catch {
                throw StartError(error.reason)
            }
            return try await sentence(about: store)
        }
    }

    private func checkSQLite(_ path: String) async throws -> String {
        let options = try options()
        let store: SQLiteStore
        do throws(SQLiteOpeningError) {
            store = try SQLiteStore(path: path, options: options, at: Vitals.wall())
        } catch {
            throw StartError(error.reason)
        }
        return try await sentence(about: store)
    }

    /// What there is to say of a store that could be opened, which is closed.
    private func sentence(about store: any Store) async throws -> String {
        do throws(StoreError) {
            let id = try await store.storeID()
            await store.close()
            return "the store \(settings.store) is in order; its id is \(id)"
        } catch {
            await store.close()
            throw StartError("The store \(settings.store) can't be read (\(error)); try again.")
        }
    }
}

extension DynamoDBPlace {
    /// Tables are created on demand where an endpoint was given, which is an emulator's as a rule; never in AWS, unless
    /// asked for.
    init(_ url: DynamoDBURL) {
        self.init(
            region: url.region, endpoint: url.endpoint, prefix: url.prefix, creates: url.create ?? (url.endpoint != nil)
        )
    }
}
