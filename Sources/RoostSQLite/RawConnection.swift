internal import GRDB

/// A bare connection to a store's file, for tests that must look into it or get in its way.
package final class RawConnection: Sendable {
    private let queue: DatabaseQueue

    package init(path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    package func execute(_ sql: String) throws {
        try queue.writeWithoutTransaction { db in try db.execute(sql: sql) }
    }

    package func number(_ sql: String) throws -> Int? {
        try queue.read { db in try Int.fetchOne(db, sql: sql) }
    }

    package func close() throws { try queue.close() }
}
