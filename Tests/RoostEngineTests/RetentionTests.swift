import Foundation
import RoostCore
import RoostEngine
import RoostSQLite
import Testing

/// How retention reaches the file: what is hidden at once is deleted in pieces.
@Suite struct RetentionTests {
    @Test func rowsGoAsTheFloorMoves() async throws {
        try await withStores { stores in
            let store = try await stores.open(fresh: true, options: try keeping(10))
            let raw = try RawConnection(path: stores.path)
            for step in 0..<100 {
                _ = try await store.append(try (0..<5).map { try draft("\(step).\($0)") }, at: .start)
                #expect(try #require(try raw.number("SELECT count(*) FROM messages")) <= 10)
            }
            #expect(try await store.log().count == 10)
            try raw.close()
        }
    }

    @Test func aBacklogGoesInPiecesButIsHiddenAtOnce() async throws {
        try await withStores { stores in
            let before = try await stores.open(fresh: true)
            _ = try await before.append(try (0..<1000).map { try draft("m\($0)") }, at: .start)
            await before.close()
            var tuning = Tuning()
            tuning.sweepRows = 100
            let store = try await stores.open(options: try keeping(10), tuning: tuning)
            let raw = try RawConnection(path: stores.path)
            func rows() throws -> Int? { try raw.number("SELECT count(*) FROM messages") }
            _ = try await store.append([try draft("x")], at: .start)
            #expect(try await store.log().count == 10)
            // The rows below the floor are still there, and nobody sees them.
            let newest = try await store.read(.general, before: nil, limit: 99, maxBytes: .max)
            #expect(newest?.messages.map(\.seq) == Array(992...1001))
            let middle = try await store.read(.general, before: 900, limit: 99, maxBytes: .max)
            #expect(middle?.messages == [])
            #expect(try await store.find(.general, id: try draft("m900").id, sender: nil) == nil)
            var stone = try draft("t")
            (stone.kind, stone.redacts) = (.deleted, 900)
            let refused = try await store.append([stone], at: .start)
            #expect(refused.committed == [])
            // As many as an append may delete: twice its drafts and 64.
            #expect(try rows() == 1001 - 66)
            #expect(try raw.number("SELECT trimmed FROM rooms WHERE name = 'general'") == 66)
            var calls = 0
            while try await store.retain(at: .start) { calls += 1 }
            #expect((10...12).contains(calls))
            #expect(try rows() == 10)
            #expect(try raw.number("SELECT trimmed - floor FROM rooms WHERE name = 'general'") == 0)
            try raw.close()
        }
    }

    @Test func aPieceIsBoundedInBytesToo() async throws {
        try await withStores { stores in
            let before = try await stores.open(fresh: true)
            _ = try await before.append(try (0..<50).map { try draft("m\($0)", bytes: 1000) }, at: .start)
            await before.close()
            var tuning = Tuning()
            tuning.sweepBytes = 5000
            let store = try await stores.open(options: try keeping(0), tuning: tuning)
            let raw = try RawConnection(path: stores.path)
            #expect(try await store.retain(at: .start))
            #expect(try raw.number("SELECT count(*) FROM messages") == 45)
            #expect(try await store.log() == [])
            try raw.close()
        }
    }

    @Test func retainingGoesOnAfterARestart() async throws {
        try await withStores { stores in
            var tuning = Tuning()
            tuning.sweepRows = 20
            tuning.retainRooms = 3
            let options = StoreOptions(kinds: try kinds { $0.retainAgeMs = 1000 })
            var store = try await stores.open(fresh: true, options: options, tuning: tuning)
            for room in 0..<10 {
                let drafts = try (0..<50).map { try draft("m\($0)", to: "r\(room)") }
                _ = try await store.append(drafts, at: .start)
            }
            let raw = try RawConnection(path: stores.path)
            let late = Timestamp(milliseconds: 1000)
            // A few calls in each life of the store: what is done stays done.
            var calls = 0
            while try #require(try raw.number("SELECT count(*) FROM messages")) > 0, calls < 200 {
                for _ in 0..<7 { _ = try await store.retain(at: late) }
                await store.close()
                store = try await stores.open(options: options, tuning: tuning)
                calls += 1
            }
            #expect(calls < 200)
            #expect(try raw.number("SELECT sum(floor) - sum(trimmed) FROM rooms") == 0)
            #expect(try raw.number("SELECT sum(floor) FROM rooms") == 500)
            try raw.close()
        }
    }

    @Test func aLockedFileLeavesTheRestForLater() async throws {
        try await withStores { stores in
            var tuning = Tuning()
            tuning.busyTimeoutMs = 30
            let store = try await stores.open(
                fresh: true, options: StoreOptions(kinds: try kinds { $0.retainAgeMs = 1000 }), tuning: tuning)
            _ = try await store.append([try draft("a")], at: .start)
            let raw = try RawConnection(path: stores.path)
            try raw.execute("BEGIN IMMEDIATE")
            let late = Timestamp(milliseconds: 1000)
            #expect(await failure { () async throws(StoreError) in try await store.retain(at: late) } == .busy)
            try raw.execute("ROLLBACK")
            while try await store.retain(at: late) {}
            #expect(try await store.log() == [])
            try raw.close()
        }
    }

    @Test func twoStoresOnOneFileRetainTogether() async throws {
        try await withStores { stores in
            let options = try keeping(25)
            let pair = [try await stores.open(fresh: true, options: options), try await stores.open(options: options)]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, store) in pair.enumerated() {
                    group.addTask {
                        for step in 0..<50 {
                            let drafts = try (0..<7).map { try draft("\(index).\(step).\($0)") }
                            let appended = try await store.append(drafts, at: .start)
                            let committed = try #require(appended.committed.first)
                            let head = try #require(committed.messages.last).seq
                            #expect(committed.floor == (head > 25 ? head - 25 : 0))
                            _ = try await store.retain(at: .start)
                        }
                    }
                }
                try await group.waitForAll()
            }
            for store in pair { #expect(try await store.log().map(\.seq) == Array(676...700)) }
            let raw = try RawConnection(path: stores.path)
            #expect(try raw.number("SELECT count(*) FROM messages") == 25)
            try raw.close()
        }
    }

    @Test func marksOfADeletedRoomAreSwept() async throws {
        try await withStores { stores in
            var tuning = Tuning()
            tuning.sweepRows = 7
            let store = try await stores.open(fresh: true, tuning: tuning)
            _ = try await store.append([try draft("a"), try draft("a", to: "other")], at: .start)
            for room in [RoomName.general, try #require(RoomName("other"))] {
                try await store.mark(
                    try (0..<30).map {
                        MemberMark(room: room, user: try #require(UserID("u\($0)")), mark: Mark(received: 1))
                    })
            }
            _ = try await store.deleteRoom(.general)
            await store.settle()
            let raw = try RawConnection(path: stores.path)
            #expect(try raw.number("SELECT count(*) FROM marks") == 30)
            #expect(try raw.number("SELECT count(*) FROM rooms WHERE name IS NULL") == 0)
            try raw.close()
        }
    }

    @Test func aFileOfTheFirstVersionIsBroughtUpToDate() async throws {
        try await withStores { stores in
            let first = try await stores.open(fresh: true)
            _ = try await first.append(try (0..<30).map { try draft("m\($0)") }, at: .start)
            let (id, log) = (try await first.storeID(), try await first.log())
            await first.close()
            try makeFirstVersion(stores.path)
            let store = try await stores.open(options: try keeping(10))
            #expect(try await store.storeID() == id)
            #expect(try await store.log() == log)
            let mark = MemberMark(room: .general, user: try #require(UserID("alice")), mark: Mark(received: 3))
            try await store.mark([mark])
            #expect(try await store.marks(in: .general, limit: 9) == [mark])
            while try await store.retain(at: .start) {}
            #expect(try await store.log() == Array(log.suffix(10)))
        }
    }

    @Test func aFileOfTheFirstVersionMayBeOpenedByManyAtOnce() async throws {
        try await withStores { stores in
            for _ in 0..<5 {
                await (try stores.open(fresh: true)).close()
                try makeFirstVersion(stores.path)
                let path = stores.path
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<6 { group.addTask { await (try SQLiteStore(path: path, at: .start)).close() } }
                    try await group.waitForAll()
                }
            }
        }
    }
}

/// Makes of the file what the first version would have.
private func makeFirstVersion(_ path: String) throws {
    let raw = try RawConnection(path: path)
    try raw.execute(
        """
        DROP TABLE marks; ALTER TABLE rooms DROP COLUMN trimmed;
        DELETE FROM grdb_migrations WHERE identifier <> '1 logs and directory';
        """)
    #expect(try raw.number("SELECT count(*) FROM grdb_migrations") == 1)
    try raw.close()
}

/// Every room of this kind.
func kinds(_ change: (inout RoomKind) -> Void) throws -> Kinds {
    var kind = RoomKind()
    change(&kind)
    return Kinds(usual: kind)
}

private func keeping(_ count: Int) throws -> StoreOptions {
    StoreOptions(kinds: try kinds { $0.retainCount = count })
}
