import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// What is to be written where, without a table.
@Suite struct ChainTests {
    private let epoch = Epoch(random: 1)
    private let options = StoreOptions()

    private func chain(_ tail: Chunk? = nil, floor: UInt64 = 0) -> Chain {
        var chain = Chain(room: .general, epoch: epoch, tail: tail, floor: floor, expires: false)
        chain.window = Window(options, after: tail?.last ?? 0)
        return chain
    }

    private func entry(_ id: String, bytes: Int = 2) throws -> Chunk.Entry {
        Chunk.Entry(
            id: try #require(MessageID(id)), sender: try #require(UserID("alice")), kind: .message,
            content: RawJSON(validated: Array("\"\(String(repeating: "x", count: bytes - 2))\"".utf8)))
    }

    private func chunk(_ first: UInt64, _ ids: [String]) throws -> Chunk {
        Chunk(
            first: first, entries: try ids.map { try entry($0) }, at: time(1), clock: time(1), floor: 0, forgotten: 0,
            writer: [1])
    }

    private func plan(_ chain: Chain, _ drafts: [Draft], kind: RoomKind = RoomKind()) throws -> Chain.Plan {
        let findings = Chain.Findings(search: nil)
        let step = chain.plan(
            drafts.map { ($0, nil) }, findings, kind: kind, options: options, at: time(5), writer: [7])
        guard case .write(let plan) = step else { throw CancellationError() }
        return plan
    }

    @Test func theNextChunkBeginsBehindTheEndOfTheNewest() throws {
        let one = chain(try chunk(5, ["a", "b", "c"]))
        #expect(one.head == 7)
        #expect(try plan(one, [try draft("x")]).chunk?.first == 8)
    }

    @Test func aLostRaceIsLearned() throws {
        var one = chain(try chunk(1, ["a"]))
        let mine = try plan(one, [try draft("b"), try draft("c")])
        #expect(mine.chunk?.first == 2)
        // The winner has brought one of them.
        #expect(one.learn(try chunk(2, ["z", "b"])) == .learned)
        let next = try plan(one, [try draft("b"), try draft("c")])
        #expect(next.chunk?.first == 4)
        #expect(next.verdicts.map(\.seq) == [3, 4])
        #expect(next.verdicts.map(\.isDuplicate) == [true, false])
        // What was known before changes nothing, what is further on is of no use.
        #expect(one.learn(try chunk(1, ["a"])) == .learned)
        #expect(one.learn(try chunk(6, ["q"])) == .gap)
        #expect(one.head == 3)
    }

    @Test func chunksEndWithTheirBlockAndBelowTheirSize() throws {
        var nearEnd = try chunk(Blocks.length - 1, ["a"])
        nearEnd.at = time(9)
        let one = chain(nearEnd)
        let drafts = try (1...3).map { try draft("m\($0)") }
        let plan = try plan(one, drafts)
        #expect(plan.verdicts == [.stored(seq: Blocks.length, at: time(9), duplicate: false)])
        #expect(plan.chunk?.last == Blocks.length)
        let large = try (1...4).map { try draft("m\($0)", bytes: 40_000) }
        #expect(try self.plan(chain(), large).verdicts.count == 2)
        // A single one may be larger than a chunk is meant to be, but not than an item can be.
        let huge = try [100_001, 389_000, 390_000].map { try draft("m\($0)", bytes: $0) }
        #expect(try self.plan(chain(), [huge[0]]).chunk?.entries.count == 1)
        #expect(try self.plan(chain(), [huge[1]]).chunk?.entries.count == 1)
        #expect(try self.plan(chain(), [huge[2]]).verdicts.map(\.code) == [.tooLarge])
    }

    @Test func nothingIsWrittenForRepeats() throws {
        var one = chain()
        _ = one.learn(try chunk(1, ["a", "b"]))
        let plan = try plan(one, [try draft("b"), try draft("a")])
        #expect(plan.chunk == nil)
        #expect(plan.verdicts.map(\.seq) == [2, 1])
    }

    @Test func theFloorTravelsWithTheChunk() throws {
        var kind = RoomKind()
        kind.retainCount = 2
        let plan = try plan(chain(try chunk(1, ["a", "b", "c"])), [try draft("d")], kind: kind)
        #expect(plan.chunk?.floor == 2)
        #expect(chain(plan.chunk).floor == 2)
    }

    @Test func chunksAreReadAsTheyWereWritten() throws {
        var one = try chunk(4096, ["a", "id with spaces, ümläut and \u{1F426}"])
        one.entries[0].redacts = .max
        one.entries[1].kind = .created
        (one.floor, one.forgotten, one.revision, one.clock) = (17, 18, 3, time(-5))
        #expect(try Chunk(one.item(in: .general, epoch)) == one)
        var seal = try chunk(9, [])
        seal.isSeal = true
        #expect(try Chunk(seal.item(in: .general, epoch)) == seal)
        #expect(seal.last == 8)
    }

    /// Cut anywhere, or with any one byte changed, entries are read as something or refused, and never crash.
    @Test func damagedChunksAreRefused() throws {
        let item = try chunk(1, ["a", "bb"]).item(in: .general, epoch)
        let bytes = try #require(item.bytes("entries"))
        for end in 0..<bytes.count {
            var cut = item
            cut["entries"] = .bytes(Array(bytes[..<end]))
            #expect(throws: TableError.self) { try Chunk(cut) }
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var changed = bytes
                changed[end] = value
                cut["entries"] = .bytes(changed)
                _ = try? Chunk(cut)
            }
        }
        for name in item.keys where name != "log" {
            var lacking = item
            lacking[name] = nil
            #expect(throws: TableError.self) { try Chunk(lacking) }
        }
    }

    @Test func blocks() {
        let length = Blocks.length
        #expect([1, length, length + 1].map { Blocks.block(of: $0) } == [0, 0, 1])
        #expect(Blocks.end(of: 0) == length && Blocks.start(of: 1) == length + 1)
        #expect(Blocks.collection(.general, epoch, 3) == "general#1#3")
    }

    @Test func theWindowForgetsInOrder() throws {
        var window = Window(StoreOptions(dedupeWindowMs: 100), after: 0)
        for (first, clock) in [(1, 1000), (2, 1050), (3, 1020)] as [(UInt64, Int64)] {
            var one = try chunk(first, ["m\(first)"])
            one.clock = time(clock)
            window.learn(one)
        }
        window.forget(at: time(1099))
        #expect(window.forgotten == 0)
        window.forget(at: time(1130))
        // The third is out of the window too, but the second, which was before it, is not.
        #expect(window.forgotten == 1)
        window.forget(at: time(1150))
        #expect(window.forgotten == 3)
        #expect(window.count == 0)
    }
}
