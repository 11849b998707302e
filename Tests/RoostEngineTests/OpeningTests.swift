import Foundation
import RoostCore
import RoostEngine
import RoostSQLite
import Testing

/// What a store says about a path that it can't open.
@Suite struct OpeningTests {
    @Test func missingFoldersAreCreated() async throws {
        try await withStores { stores in
            let path = stores.folder + "/a/b/roost.db"
            let store = try SQLiteStore(path: path, at: .start)
            #expect(store.durability(of: .general) == .stored)
            await store.close()
            // Closing leaves one file.
            #expect(try FileManager.default.contentsOfDirectory(atPath: stores.folder + "/a/b") == ["roost.db"])
        }
    }

    @Test func aFolderInItsPlace() async throws {
        try await withStores { stores in
            #expect(
                refusal(stores.folder)?.reason
                    == "Can't open the store \(stores.folder): it is a folder; name a file in it, such as \(stores.folder)/roost.db."
            )
        }
    }

    @Test func aFileWhereItsFolderShouldBe() async throws {
        try await withStores { stores in
            let file = stores.folder + "/file"
            try Data("x".utf8).write(to: URL(fileURLWithPath: file))
            let path = file + "/deep/roost.db"
            #expect(refusal(path)?.kind == .noFolder)
            #expect(
                refusal(path)?.reason
                    == "Can't open the store \(path): its folder can't be created (not a directory); create it or choose another path."
            )
            #expect(refusal(file + "/roost.db") != nil)
        }
    }

    @Test func somethingElseInItsPlace() async throws {
        try await withStores { stores in
            let path = stores.folder + "/notes.txt"
            let text = Data(String(repeating: "Dear diary, ", count: 100).utf8)
            try text.write(to: URL(fileURLWithPath: path))
            #expect(
                refusal(path)?.reason
                    == "Can't open the store \(path): the file is no Roost store; choose another path or move the file away."
            )
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == text)
        }
    }

    @Test func anotherProgramsDatabaseIsLeftAlone() async throws {
        try await withStores { stores in
            let path = stores.folder + "/cookies.db"
            let raw = try RawConnection(path: path)
            try raw.execute("CREATE TABLE cookies (id INTEGER)")
            try raw.close()
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(refusal(path)?.kind == .notAStore)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        }
    }

    @Test func anEmptyFileBecomesAStore() async throws {
        try await withStores { stores in
            let path = stores.folder + "/empty.db"
            try Data().write(to: URL(fileURLWithPath: path))
            let store = try SQLiteStore(path: path, at: .start)
            _ = try await store.append([try draft("a")], at: .start)
            await store.close()
        }
    }

    @Test func aFileOfANewerVersionIsRefused() async throws {
        try await withStores { stores in
            await (try stores.open(fresh: true)).close()
            let raw = try RawConnection(path: stores.path)
            try raw.execute("INSERT INTO grdb_migrations (identifier) VALUES ('999 from the future')")
            try raw.close()
            #expect(
                refusal(stores.path)?.reason
                    == "Can't open the store \(stores.path): it was made by a newer Roost; run that version or a newer one."
            )
        }
    }

    @Test func aFileThatIsLockedForGood() async throws {
        try await withStores { stores in
            await (try stores.open(fresh: true)).close()
            let raw = try RawConnection(path: stores.path)
            try raw.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
            #expect(refusal(stores.path)?.kind == .busy)
            try raw.close()
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may do anything"))
    func aFileThatIsSomeoneElses() async throws {
        try await withStores { stores in
            await (try stores.open(fresh: true)).close()
            try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: stores.path)
            #expect(refusal(stores.path)?.kind == .denied)
        }
    }

    private func refusal(_ path: String) -> SQLiteOpeningError? {
        var tuning = Tuning()
        tuning.busyTimeoutMs = 30
        do throws(SQLiteOpeningError) {
            _ = try SQLiteStore(path: path, options: StoreOptions(), at: .start, tuning: tuning)
            return nil
        } catch {
            return error
        }
    }
}
