import RoostCore
import RoostEngine
import Testing

@testable import RoostHub

/// Where everybody's drafts meet.
@Suite("The ingest")
struct IngestTests {
    /// An ingest and what came out of it.
    private final class Desk: Sendable {
        let store = FaultyStore()
        let outcomes = Locked<[Ingest.Outcome]>([])
        private let made = Locked<Ingest?>(nil)

        init() {
            let world = World(monotonic: { Moment(milliseconds: 0) }, wall: { Timestamp(milliseconds: 0) })
            let ingest = Ingest(
                log: store, world: world,
                deliver: { [outcomes] outcome in outcomes.withLock { $0.append(outcome) } }, complain: { _ in })
            made.withLock { $0 = ingest }
        }

        var ingest: Ingest {
            guard let ingest = made.withLock({ $0 }) else { preconditionFailure("made at once") }
            return ingest
        }

        @discardableResult
        func hand(_ names: String..., heard: UInt64? = 0, weight: Int = 1) -> Ingest.Admission {
            hand(names.map { draft($0) }, heard: heard, weight: weight)
        }

        @discardableResult
        func hand(_ drafts: [Draft], heard: UInt64? = 0, weight: Int = 1) -> Ingest.Admission {
            let authors = drafts.map { _ in Ingest.Author(connection: 0, weight: weight / drafts.count) }
            let origin: Ingest.Origin = heard == nil ? .caller { _ in } : .shard(0, authors: authors)
            return ingest.submit(Ingest.Parcel(drafts: drafts, weight: weight, origin: origin, heard: heard))
        }

        /// What came of each draft, in the order in which it came.
        var fates: [String] {
            outcomes.withLock { $0 }.flatMap { outcome in
                zip(outcome.parcels, outcome.verdicts).flatMap { parcel, verdicts in
                    zip(parcel.drafts, verdicts).map { draft, verdict in
                        if case .stored(let seq, _, _) = verdict { "\(draft.id)=\(seq)" } else { "\(draft.id)!" }
                    }
                }
            }
        }
    }

    @Test("while one append runs the next batch grows, and all of it goes in one")
    func grows() async {
        let desk = Desk()
        desk.store.holdAppends()
        desk.hand("m1")
        await desk.store.isHolding()
        for number in 2...9 { desk.hand("m\(number)") }
        desk.store.release()
        await desk.ingest.fence()
        #expect(desk.store.appends == [1, 8])
        #expect(desk.fates == (1...9).map { "m\($0)=\($0)" })
        #expect(desk.outcomes.withLock { $0 }.allSatisfy { $0.failures == nil })
        #expect(desk.ingest.appended == Ingest.Appends(batches: 2, messages: 9))
    }

    @Test("a failed append takes with it what shards have handed in behind, but not what callers have")
    func purge() async {
        let desk = Desk()
        desk.store.failAppends(numbered: [1])
        desk.store.holdAppends()
        desk.hand("m1")
        await desk.store.isHolding()
        desk.hand("m2")
        desk.hand("c3", heard: nil)
        desk.hand("m4")
        desk.store.release()
        await desk.ingest.fence()
        #expect(desk.fates == ["m1!", "m2!", "m4!", "c3=1"])
        #expect(desk.outcomes.withLock { $0 }.map(\.failures) == [1, nil])
        #expect(desk.ingest.appended == Ingest.Appends(batches: 1, messages: 1))
    }

    @Test("what a shard hands in before it has heard of a failure is outdated; afterwards it is taken")
    func outdated() async {
        let desk = Desk()
        desk.store.failAppends(numbered: [1, 2])
        for number in 0..<2 {
            #expect(desk.hand("m1", heard: UInt64(number)) == .taken)
            await desk.ingest.fence()
            #expect(desk.hand("m2", heard: UInt64(number)) == .outdated([room("r")]))
        }
        #expect(desk.hand("m1", heard: 2) == .taken)
        #expect(desk.hand("c", heard: nil) == .taken)
        await desk.ingest.fence()
        #expect(desk.fates == ["m1!", "m1!", "m1=1", "c=2"])
    }

    @Test("a failure in one room takes with it what was handed in behind it for that room, and nothing else")
    func oneRoom() async {
        let desk = Desk()
        desk.store.failRooms([room("bad")])
        desk.store.holdAppends()
        desk.hand([draft("m1", in: "bad"), draft("m2")])
        await desk.store.isHolding()
        desk.hand([draft("m3"), draft("m4", in: "bad"), draft("m5")])
        desk.hand([draft("m6", in: "bad")])
        desk.hand([draft("m7", in: "other")])
        desk.store.step()
        await desk.store.isHolding()
        // Handed in unheard: only what is for the room has to wait.
        #expect(desk.hand([draft("m8"), draft("m9", in: "bad")]) == .outdated([room("bad")]))
        #expect(desk.hand([draft("m8")]) == .taken)
        desk.store.failRooms([])
        desk.store.release()
        await desk.ingest.fence()
        #expect(desk.fates == ["m1!", "m2=1", "m4!", "m6!", "m3=2", "m5=3", "m7=1", "m8=4"])
        #expect(desk.hand([draft("m9", in: "bad")], heard: 1) == .taken)
        await desk.ingest.fence()
        #expect(desk.fates.last == "m9=1")
        #expect(desk.ingest.appended == Ingest.Appends(batches: 4, messages: 6))
    }

    @Test("a shard that is behind by more failures than are remembered is outdated in every room")
    func farBehind() async {
        let desk = Desk()
        desk.store.failRooms([room("bad")])
        for number in 0...Ingest.mostFailures {
            desk.hand([draft("m\(number)", in: "bad")], heard: UInt64(number))
            await desk.ingest.fence()
        }
        #expect(desk.hand([draft("x")], heard: 1) == .taken)
        #expect(desk.hand([draft("y")], heard: 0) == .outdated([room("r")]))
        await desk.ingest.fence()
    }

    @Test("what is too much is refused, but a single parcel never")
    func full() async {
        let desk = Desk()
        desk.store.holdAppends()
        desk.hand("m1", weight: 2 * Ingest.maxWaitingBytes)
        await desk.store.isHolding()
        #expect(desk.hand("m2", weight: 2 * Ingest.maxWaitingBytes) == .taken)
        #expect(desk.hand("m3") == .full)
        desk.store.release()
        await desk.ingest.fence()
        #expect(desk.hand("m3", weight: Ingest.maxWaitingBytes) == .taken)
        await desk.ingest.fence()
        #expect(desk.fates == ["m1=1", "m2=2", "m3=3"])
    }

    @Test("an append takes no more than its limit, and no parcel is torn")
    func batches() async {
        let desk = Desk()
        desk.store.holdAppends()
        desk.hand("m0")
        await desk.store.isHolding()
        func parcel(_ size: Int, _ name: String) {
            let drafts = (0..<size).map { draft("\(name)-\($0)") }
            desk.hand(drafts)
        }
        parcel(Ingest.maxBatch + 5, "a")
        parcel(Ingest.maxBatch - 1, "b")
        parcel(1, "c")
        parcel(1, "d")
        desk.store.release()
        await desk.ingest.fence()
        #expect(desk.store.appends == [1, Ingest.maxBatch + 5, Ingest.maxBatch, 1])
    }

    @Test("a fence waits for all that was handed in before it, callers' parcels behind a failure too")
    func fence() async {
        let desk = Desk()
        await desk.ingest.fence()
        desk.store.failAppends(numbered: [1])
        desk.store.holdAppends()
        desk.hand("m1")
        await desk.store.isHolding()
        desk.hand("c2", heard: nil)
        async let fence: Void = desk.ingest.fence()
        while desk.ingest.fences == 0 { await Task.yield() }
        // What comes behind the fence is none of its business.
        desk.hand("m3")
        desk.store.step()
        await desk.store.isHolding()
        #expect(desk.fates == ["m1!", "m3!"])
        #expect(desk.ingest.fences == 1)
        desk.store.release()
        await fence
        #expect(desk.fates.last == "c2=1")
    }

    /// Random failures, any number of parcels under way: everyone is answered once, and what is stored is in order.
    @Test("everyone is answered once, and the order holds", arguments: 1...20)
    func everyoneIsAnswered(_ seed: Int) async {
        var generator = SeededGenerator(seed: seed)
        let desk = Desk()
        desk.store.failAppends(numbered: Set((1...30).filter { _ in generator.oneIn(3) }))
        var (taken, heard) = ([String](), UInt64(0))
        for number in 1...60 {
            let isCaller = generator.oneIn(4)
            let name = isCaller ? "c\(number)" : "m\(number)"
            if desk.hand(name, heard: isCaller ? nil : heard) == .taken { taken.append(name) }
            if generator.oneIn(3) {
                await desk.ingest.fence()
                heard = desk.outcomes.withLock { $0.compactMap(\.failures).last } ?? 0
            }
        }
        await desk.ingest.fence()
        #expect(desk.fates.map { $0.prefix { $0 != "=" && $0 != "!" } }.map(String.init).sorted() == taken.sorted())
        let stored = desk.fates.filter { $0.hasPrefix("m") && $0.contains("=") }
        let numbers = stored.compactMap { Int($0.dropFirst().prefix { $0 != "=" }) }
        #expect(numbers == numbers.sorted())
    }
}
