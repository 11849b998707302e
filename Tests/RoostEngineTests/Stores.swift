import Foundation
import RoostCore
import RoostEngine
import RoostSQLite
import Testing

extension Timestamp {
    /// When the tests' world begins.
    static let start = Timestamp(milliseconds: 0)
}

/// A message to `general` unless told otherwise; its id is `id`, its content is `bytes` long.
func draft(_ id: String, from sender: String = "alice", to room: String = "general", bytes: Int = 20) throws -> Draft {
    Draft(
        room: try #require(RoomName(room)), sender: try #require(UserID(sender)), id: try #require(MessageID(id)),
        content: RawJSON(validated: Array("\"\(String(repeating: "x", count: bytes - 2))\"".utf8)))
}

extension Store {
    /// Every message of the room, oldest first.
    func log(_ room: RoomName = .general) async throws -> [Message] {
        try #require(try await read(room, after: 0, limit: .max, maxBytes: .max)).messages
    }
}

/// The error that `body` throws, if it does.
func failure<T>(_ body: () async throws(StoreError) -> T) async -> StoreError? {
    do throws(StoreError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// Runs `body` with a folder for SQLite files; closes the stores and removes the folder afterwards.
func withStores(_ body: (Stores) async throws -> Void) async throws {
    let stores = try Stores()
    do {
        try await body(stores)
    } catch {
        await stores.finish()
        throw error
    }
    await stores.finish()
}

/// Stores in one temporary folder.
final class Stores: Sendable {
    let folder: String
    private let state = Locked(State())

    private struct State {
        var files = 0
        var open: [SQLiteStore] = []
    }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("roost-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// The file that was opened last.
    var path: String { state.withLock { "\(folder)/\($0.files).db" } }

    /// Opens the file that was opened last, or a new one.
    func open(
        fresh: Bool = false, options: StoreOptions = StoreOptions(), tuning: Tuning = Tuning()
    ) async throws -> SQLiteStore {
        if fresh { state.withLock { $0.files += 1 } }
        let store = try SQLiteStore(path: path, options: options, at: .start, tuning: tuning)
        state.withLock { $0.open.append(store) }
        return store
    }

    func finish() async {
        for store in state.withLock({ $0.open }) { await store.close() }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
