import Foundation
import RoostCore
import RoostEngine
import RoostSQLite
import Testing

/// What the file and its disk may do to a store, and what an ack is worth then.
@Suite struct FailureTests {
    @Test func aFullDiskStoresNothingAndRecovers() async throws {
        try await withStores { stores in
            let store = try await stores.open(fresh: true)
            _ = try await store.append([try draft("before")], at: .start)
            let raw = try RawConnection(path: stores.path)
            let pages = try #require(try raw.number("PRAGMA page_count"))
            try await store.limitPages(to: pages + 4)
            // The first ones would fit, the batch doesn't.
            let drafts = try (0..<20).map { try draft("m\($0)", to: $0 < 10 ? "general" : "new", bytes: 4000) }
            for _ in 0..<3 {
                #expect(
                    await failure { () async throws(StoreError) in try await store.append(drafts, at: .start) } == .full
                )
            }
            #expect(try await store.log().map(\.id.text) == ["before"])
            #expect(try await store.room(try #require(RoomName("new"))) == nil)
            #expect(try raw.number("SELECT count(*) FROM recent") == 1)
            // A small one still fits.
            let small = try await store.append([try draft("small")], at: .start)
            #expect(small.verdicts == [.stored(seq: 2, at: .start, duplicate: false)])
            try await store.limitPages(to: nil)
            let appended = try await store.append(drafts, at: .start)
            #expect(appended.committed.map { $0.messages.map(\.seq) } == [Array(3...12), Array(1...10)])
            let again = try await store.append(drafts + [try draft("before")], at: .start)
            #expect(again.committed == [])
            try raw.close()
        }
    }

    @Test func aLockThatOutlastsThePatienceIsBusy() async throws {
        try await withStores { stores in
            var tuning = Tuning()
            tuning.busyTimeoutMs = 30
            let store = try await stores.open(fresh: true, tuning: tuning)
            let raw = try RawConnection(path: stores.path)
            try raw.execute("BEGIN IMMEDIATE")
            let drafts = [try draft("a")]
            #expect(
                await failure { () async throws(StoreError) in try await store.append(drafts, at: .start) } == .busy)
            #expect(await failure { () async throws(StoreError) in try await store.deleteRoom(.general) } == .busy)
            // Readers don't wait for writers.
            #expect(try await store.log() == [])
            try raw.execute("ROLLBACK")
            let appended = try await store.append(drafts, at: .start)
            #expect(appended.verdicts == [.stored(seq: 1, at: .start, duplicate: false)])
            try raw.close()
        }
    }

    @Test func aLockThatIsReleasedInTimeIsWaitedFor() async throws {
        try await withStores { stores in
            // However long the turns below take on a busy machine, the lock is released in time.
            var tuning = Tuning()
            tuning.busyTimeoutMs = 600_000
            let store = try await stores.open(fresh: true, tuning: tuning)
            let raw = try RawConnection(path: stores.path)
            try raw.execute("BEGIN IMMEDIATE")
            let drafts = [try draft("a")]
            async let appended = store.append(drafts, at: .start)
            // However the two are scheduled, the append gets its turn.
            for _ in 0..<50 { await Task.yield() }
            try raw.execute("COMMIT")
            #expect(try await appended.committed.count == 1)
            try raw.close()
        }
    }

    @Test func whatIsAckedIsInACopyOfTheFileAndItsLog() async throws {
        try await withStores { stores in
            // Nothing is moved to the file itself, so that file and log are copied as of one moment.
            var tuning = Tuning()
            tuning.checkpointPages = .max
            let store = try await stores.open(fresh: true, tuning: tuning)
            for batch in 0..<20 {
                _ = try await store.append(try (0..<10).map { try draft("\(batch).\($0)") }, at: .start)
            }
            let more = try (0..<200).map { try draft("more.\($0)") }
            async let running = Task {
                for draft in more { _ = try await store.append([draft], at: .start) }
            }.value
            let copy = stores.folder + "/copy.db"
            try FileManager.default.copyItem(atPath: stores.path, toPath: copy)
            try FileManager.default.copyItem(atPath: stores.path + "-wal", toPath: copy + "-wal")
            try await running
            let opened = try SQLiteStore(path: copy, at: .start)
            let log = try await opened.log()
            #expect(log.count >= 200)
            #expect(log.map(\.seq) == Array(1...UInt64(log.count)))
            #expect(log.prefix(200).map(\.id.text) == (0..<20).flatMap { b in (0..<10).map { "\(b).\($0)" } })
            let again = try await opened.append([try draft("19.9")], at: .start)
            #expect(again.verdicts == [.stored(seq: 200, at: .start, duplicate: true)])
            await opened.close()
        }
    }

    @Test func whatWasAckedBeforeAKillIsThereAfterwards() async throws {
        try await withStores { stores in
            let path = stores.folder + "/killed.db"
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
                var tuning = Tuning()
                tuning.checkpointPages = 8
                tuning.restartPages = 32
                let store = try SQLiteStore(path: path, options: StoreOptions(), at: .start, tuning: tuning)
                for index in 0..<500 { _ = try await store.append([try draft("m\(index)")], at: .start) }
                async let unacked = store.append(try (0..<500).map { try draft("n\($0)") }, at: .start)
                kill(getpid(), SIGKILL)
                _ = try await unacked
            }
            let store = try SQLiteStore(path: path, at: .start)
            let log = try await store.log()
            #expect(log.count == 500 || log.count == 1000)
            #expect(log.prefix(500).map(\.id.text) == (0..<500).map { "m\($0)" })
            #expect(log.map(\.seq) == Array(1...UInt64(log.count)))
            await store.close()
        }
    }
}
