import Foundation
import RoostCore
import RoostEngine
import RoostSQLite
import Synchronization

extension Timestamp {
    /// When the tests' world begins.
    static let start = Timestamp(milliseconds: 0)
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
    private let state = Mutex(State())

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
