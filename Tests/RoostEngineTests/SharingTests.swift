import Foundation
import RoostCore
import RoostEngine
import RoostSQLite
import Testing

/// Several stores on one file, in one process and in two.
@Suite struct SharingTests {
    @Test func twoStoresAppendingStayContiguous() async throws {
        try await withStores { stores in
            let pair = [try await stores.open(fresh: true), try await stores.open()]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, store) in pair.enumerated() {
                    group.addTask { try await appendOwnAndShared(store, name: "s\(index)", rounds: 50) }
                }
                try await group.waitForAll()
            }
            for store in pair { try await checkLog(of: store, names: ["s0", "s1"], rounds: 50) }
        }
    }

    @Test func twoProcessesAppendingStayContiguous() async throws {
        try await withStores { stores in
            let store = try await stores.open(fresh: true)
            let path = stores.path
            async let one = #expect(processExitsWith: .success) { [path = path as String] in
                try await appendAsProcess(path, "p0")
            }
            async let two = #expect(processExitsWith: .success) { [path = path as String] in
                try await appendAsProcess(path, "p1")
            }
            _ = await (one, two)
            try await checkLog(of: store, names: ["p0", "p1"], rounds: 50)
        }
    }

    @Test func whatOneStoreDoesTheOtherKnows() async throws {
        try await withStores { stores in
            let (one, two) = (try await stores.open(fresh: true), try await stores.open())
            #expect(try await one.storeID() == two.storeID())
            let first = try await one.append([try draft("a")], at: .start)
            let again = try await two.append([try draft("a"), try draft("b")], at: .start)
            #expect(first.verdicts == [.stored(seq: 1, at: .start, duplicate: false)])
            #expect(again.verdicts[0] == .stored(seq: 1, at: .start, duplicate: true))
            #expect(again.verdicts[1] == .stored(seq: 2, at: .start, duplicate: false))
            let old = try await one.heads([.general])[.general]?.epoch
            #expect(try await two.deleteRoom(.general))
            let fresh = try await one.append([try draft("a")], at: .start)
            #expect(fresh.verdicts == [.stored(seq: 1, at: .start, duplicate: false)])
            #expect(fresh.committed.first?.epoch != old)
        }
    }

    @Test func aNewFileMayBeOpenedByManyAtOnce() async throws {
        try await withStores { stores in
            let path = stores.folder + "/deep/er/new.db"
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        let store = try SQLiteStore(path: path, at: .start)
                        let id = try await store.storeID()
                        await store.close()
                        return id
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
        }
    }
}

private func appendAsProcess(_ path: String, _ name: String) async throws {
    let store = try SQLiteStore(path: path, at: .start)
    try await appendOwnAndShared(store, name: name, rounds: 50)
    await store.close()
}

/// Appends batches of three: two messages of this writer's own and one that every writer tries to store.
private func appendOwnAndShared(_ store: SQLiteStore, name: String, rounds: Int) async throws {
    for round in 0..<rounds {
        let drafts = [
            try draft("\(name).\(round).0"), try draft("shared.\(round)", from: "everyone"),
            try draft("\(name).\(round).1"),
        ]
        let verdicts = try await store.append(drafts, at: .start).verdicts
        let seqs = verdicts.map { verdict -> UInt64? in
            if case .stored(let seq, _, _) = verdict { seq } else { nil }
        }
        #expect(!seqs.contains(nil))
    }
}

private func checkLog(of store: SQLiteStore, names: [String], rounds: Int) async throws {
    let log = try await store.log()
    let count = rounds * (2 * names.count + 1)
    #expect(log.map(\.seq) == Array(1...UInt64(count)))
    #expect(Set(log.map(\.id)).count == count)
    for name in names {
        let own = log.filter { $0.id.text.hasPrefix("\(name).") }.map(\.id.text)
        #expect(own == (0..<rounds).flatMap { ["\(name).\($0).0", "\(name).\($0).1"] })
    }
}
