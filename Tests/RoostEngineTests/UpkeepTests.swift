import Foundation
import RoostCore
import RoostEngine
import RoostSQLite
import Testing

/// What a store does in the background, and that it stays small.
@Suite struct UpkeepTests {
    @Test func idsPastTheWindowAreDropped() async throws {
        try await withStores { stores in
            let store = try await stores.open(fresh: true, options: StoreOptions(dedupeWindowMs: 10_000))
            let raw = try RawConnection(path: stores.path)
            for step in 0..<100 {
                let drafts = try (0..<50).map { try draft("\(step).\($0)") }
                _ = try await store.append(drafts, at: Timestamp(milliseconds: Int64(step) * 1000))
                // Ten steps are within the window.
                #expect(try #require(try raw.number("SELECT count(*) FROM recent")) <= 500)
                // The index drops a quarter of a window at a time.
                #expect(try await store.indexedIDs() <= 700)
            }
            // After a pause the old ones go a bounded number at a time.
            let late = Timestamp(milliseconds: 1_000_000)
            _ = try await store.append([try draft("late.0")], at: late)
            let left = try #require(try raw.number("SELECT count(*) FROM recent"))
            #expect((400...450).contains(left))
            for index in 1...20 { _ = try await store.append([try draft("late.\(index)")], at: late) }
            #expect(try raw.number("SELECT count(*) FROM recent") == 21)
            try raw.close()
        }
    }

    @Test func theNewestIDStaysSoThatItsNumberIsNotUsedAgain() async throws {
        try await withStores { stores in
            let options = StoreOptions(dedupeWindowMs: 1000)
            let (one, two) = (
                try await stores.open(fresh: true, options: options), try await stores.open(options: options)
            )
            func append(_ id: String, to store: SQLiteStore, at now: Int64) async throws -> [Verdict] {
                try await store.append([try draft(id)], at: Timestamp(milliseconds: now)).verdicts
            }
            _ = try await append("a", to: one, at: 0)
            _ = try await append("b", to: one, at: 1)
            // Both are past the window: pruned by the other store.
            _ = try await append("c", to: two, at: 5000)
            _ = try await append("d", to: two, at: 50_000)
            let again = try await append("d", to: one, at: 50_001)
            #expect(again == [.stored(seq: 4, at: Timestamp(milliseconds: 50_000), duplicate: true)])
        }
    }

    @Test func aDeletedRoomIsEmptiedInPieces() async throws {
        try await withStores { stores in
            var tuning = Tuning()
            tuning.sweepRows = 7
            tuning.sweepBytes = 300
            let store = try await stores.open(fresh: true, tuning: tuning)
            let drafts = try (0..<100).map { try draft("m\($0)", bytes: 20 + $0) }
            _ = try await store.append(drafts + [try draft("x", to: "other")], at: .start)
            for user in 0..<20 {
                _ = try await store.setMember(try #require(UserID("u\(user)")), of: .general, to: true)
            }
            #expect(try await store.deleteRoom(.general))
            _ = try await store.append([try draft("new")], at: .start)
            await store.settle()
            let raw = try RawConnection(path: stores.path)
            #expect(try raw.number("SELECT count(*) FROM messages") == 2)
            #expect(try raw.number("SELECT count(*) FROM members") == 0)
            #expect(try raw.number("SELECT count(*) FROM rooms") == 4)
            #expect(try await store.log().map(\.id.text) == ["new"])
            try raw.close()
        }
    }

    @Test func deletingGoesOnAfterARestart() async throws {
        try await withStores { stores in
            var tuning = Tuning()
            tuning.sweeps = false
            let store = try await stores.open(fresh: true, tuning: tuning)
            for room in ["one", "two", "three"] {
                let drafts = try (0..<50).map { try draft("m\($0)", to: room) }
                _ = try await store.append(drafts, at: .start)
                #expect(try await store.deleteRoom(try #require(RoomName(room))))
            }
            await store.settle()
            let raw = try RawConnection(path: stores.path)
            #expect(try raw.number("SELECT count(*) FROM messages") == 150)
            await store.close()
            tuning.sweeps = true
            tuning.sweepRows = 20
            let again = try await stores.open(tuning: tuning)
            await again.settle()
            #expect(try raw.number("SELECT count(*) FROM messages") == 0)
            #expect(try raw.number("SELECT count(*) FROM rooms") == 3)
            // Their numbers are never given again: nothing old can show up in a new log.
            _ = try await again.append([try draft("m0", to: "four")], at: .start)
            #expect(try raw.number("SELECT max(id) FROM rooms") == 7)
            try raw.close()
        }
    }

    @Test func theWriteAheadLogStaysSmallUnderLoad() async throws {
        try await withStores { stores in
            var tuning = Tuning()
            tuning.checkpointPages = 16
            tuning.restartPages = 64
            let store = try await stores.open(fresh: true, tuning: tuning)
            let raw = try RawConnection(path: stores.path)
            func appendMany(_ prefix: String) async throws {
                for index in 0..<300 {
                    _ = try await store.append([try draft("\(prefix)\(index)", bytes: 8000)], at: .start)
                    // On a busy machine the background falls behind; that is not what is tested here.
                    if index % 20 == 0 { await store.settle() }
                }
            }
            try await appendMany("a")
            #expect(walSize(stores.path) < 2 << 20)
            // A reader keeps the log from beginning anew; nobody waits for it.
            try raw.execute("BEGIN; SELECT count(*) FROM messages")
            try await appendMany("b")
            #expect(walSize(stores.path) > 2 << 20)
            try raw.execute("COMMIT")
            try await appendMany("c")
            #expect(walSize(stores.path) < 2 << 20)
            #expect(try await store.log().count == 900)
            try raw.close()
        }
    }

    private func walSize(_ path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path + "-wal")
        return attributes?[.size] as? Int ?? 0
    }
}
