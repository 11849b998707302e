import Foundation
import RoostCore
import RoostDynamoDB
import RoostEngine
import RoostSQLite

/// The store that outlives the nodes: in memory, or a file or tables that each node opens for itself.
final class Vault: @unchecked Sendable {
    private let stage: Stage
    private let options: StoreOptions
    private let memory: MemoryStore?
    private let folder: URL?
    private let dynamo: SimDynamo?

    init(_ stage: Stage) {
        self.stage = stage
        let dice = stage.dice("epochs")
        options = StoreOptions(
            dedupeWindowMs: stage.shape.limits.dedupeWindowMs, kinds: stage.shape.kinds, random: { dice.next() })
        memory =
            stage.shape.usesSQLite || stage.shape.usesDynamoDB ? nil : MemoryStore(options: options, at: stage.wall)
        folder =
            stage.shape.usesSQLite
            ? FileManager.default.temporaryDirectory
                .appendingPathComponent("roost-simulation-\(getpid())-\(stage.seed)") : nil
        dynamo = stage.shape.usesDynamoDB ? SimDynamo(stage) : nil
    }

    /// What a node starting now finds.
    func store(for name: String) throws -> SimStore {
        if let dynamo {
            let tables = SimTables(dynamo, stage, name: name)
            return SimStore(.remote(tables), stage, name: name) { [options, stage] () async throws(StoreError) in
                do throws(TableError) {
                    return try await DynamoDBStore(
                        over: tables, options: options, world: tables.world(), at: stage.wall,
                        skewMs: 2 * stage.shape.clockSkewMs)
                } catch {
                    throw error.storeError
                }
            }
        }
        let inner: any Store
        if let memory {
            inner = memory
        } else if let folder {
            inner = try SQLiteStore(
                path: folder.appendingPathComponent("roost.db").path, options: options, at: stage.wall)
        } else {
            preconditionFailure("a vault is in memory, in a folder or in tables")
        }
        return SimStore(.local(outlivesCallers: memory != nil), stage, name: name) { inner }
    }

    /// A node needs its store no longer.
    func close(_ store: SimStore) async {
        if folder != nil, let inner = store.inner { await inner.close() }
    }

    /// Leaves nothing behind.
    func discard() {
        if let folder { try? FileManager.default.removeItem(at: folder) }
    }
}
