import Foundation
import RoostCore
import RoostEngine
import RoostSQLite

/// The store that outlives the nodes: in memory, or a file that each node opens for itself.
final class Vault: @unchecked Sendable {
    private let stage: Stage
    private let options: StoreOptions
    private let memory: MemoryStore?
    private let folder: URL?

    init(_ stage: Stage) {
        self.stage = stage
        let dice = stage.dice("epochs")
        options = StoreOptions(
            dedupeWindowMs: stage.shape.limits.dedupeWindowMs, kinds: stage.shape.kinds, random: { dice.next() })
        if stage.shape.usesSQLite {
            memory = nil
            folder = FileManager.default.temporaryDirectory
                .appendingPathComponent("roost-simulation-\(getpid())-\(stage.seed)")
        } else {
            memory = MemoryStore(options: options, at: stage.wall)
            folder = nil
        }
    }

    /// What a node starting now finds.
    func open() throws -> any Store {
        if let memory { return memory }
        guard let folder else { preconditionFailure("a vault is in memory or in a folder") }
        return try SQLiteStore(
            path: folder.appendingPathComponent("roost.db").path, options: options, at: stage.wall)
    }

    /// Whether an append may take effect after its node's end, as a request on its way to another host may.
    var outlivesCallers: Bool { memory != nil }

    /// A node needs its store no longer.
    func close(_ store: any Store) async {
        if memory == nil { await store.close() }
    }

    /// Leaves nothing behind.
    func discard() {
        if let folder { try? FileManager.default.removeItem(at: folder) }
    }
}
