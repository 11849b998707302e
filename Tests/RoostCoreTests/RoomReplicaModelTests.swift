import RoostCore
import Testing

/// The replica beside the simplest model there is: a log that only grows, and for each reader the last seq it was given.
/// The model plays the shell as well: it does what the replica asks for, at some random later time.
private struct ReplicaModel {
    struct Reader {
        var name: Int
        /// Everything up to here, and nothing beyond, has been given to it, once and in order.
        var given: UInt64
        var isReading = false
    }

    var replica: RoomReplica<Int>
    var generator: SeededGenerator
    var log: UInt64 = 0
    var readers: [Reader] = []
    /// The newest seq mentioned and not disproved.
    var mentioned: UInt64 = 0
    /// The head and what was mentioned when the read under way began.
    var begun: (head: UInt64, mentioned: UInt64)?
    var isFilling: Bool { begun != nil }
    var names = 0
    var epochs = 0
    var problem: String?

    init(seed: Int) {
        generator = SeededGenerator(seed: seed)
        replica = RoomReplica(epoch: epoch("e0"), head: 0)
    }

    mutating func fail(_ what: String) { problem = problem ?? what }

    mutating func upTo(_ bound: UInt64) -> UInt64 { UInt64.random(in: 0...bound, using: &generator) }

    mutating func step() {
        switch generator.below(16) {
        case 0, 1, 2: log += 1 + upTo(4)
        case 3, 4: arriveSome()
        case 5: arriveNext()
        case 6: hear()
        case 7: foreign()
        case 8, 9: if isFilling { finishFill() }
        case 10: addReader()
        case 11: changeReader()
        case 12, 13: startReading()
        case 14: finishReading()
        default: if generator.oneIn(20) { restart() }
        }
        check()
    }

    // MARK: What comes in

    mutating func arriveSome() {
        guard log > 0 else { return }
        let first = 1 + upTo(log - 1)
        arrive(first, first + upTo(min(5, log - first)))
    }

    mutating func arriveNext() {
        guard log > replica.head else { return }
        arrive(replica.head + 1, replica.head + 1 + upTo(log - replica.head - 1))
    }

    mutating func arrive(_ first: UInt64, _ last: UInt64) {
        let (head, arrival) = (replica.head, replica.arrive(epoch: replica.epoch, first: first, last: last))
        mentioned = max(mentioned, last)
        switch arrival {
        case .push(let from):
            if from != head + 1 || first > from || last < from { fail("push from \(from) of \(first)...\(last)") }
            push(upTo: last)
        case .stale: if last > head { fail("\(first)...\(last) is stale at \(head)") }
        default:
            if first <= head + 1 || last <= head { fail("\(arrival) for \(first)...\(last) at \(head)") }
            expectFill(arrival)
        }
    }

    mutating func hear() {
        // A rumour may be wrong.
        let seq = generator.oneIn(4) ? log + upTo(3) : upTo(log)
        let arrival = replica.hear(epoch: replica.epoch, head: seq)
        mentioned = max(mentioned, seq)
        if seq <= replica.head {
            if arrival != .stale { fail("\(arrival) for head \(seq) at \(replica.head)") }
        } else {
            expectFill(arrival)
        }
    }

    mutating func foreign() {
        let stranger = epoch("other")
        if replica.arrive(epoch: stranger, first: 1, last: log + 1) != .otherEpoch { fail("foreign messages taken") }
        if replica.hear(epoch: stranger, head: log + 1) != .otherEpoch { fail("foreign head taken") }
    }

    mutating func expectFill(_ arrival: RoomReplica<Int>.Arrival) {
        if arrival != (isFilling ? .filling : .fill(after: replica.head)) { fail("\(arrival), filling: \(isFilling)") }
        if begun == nil { begun = (replica.head, mentioned) }
    }

    mutating func finishFill() {
        let head = replica.head
        let last = min(log, head + upTo(6))
        if last > head { if generator.oneIn(2) { arrive(head + 1, last) } else { push(upTo: last) } }
        // A rumour is dropped if nothing has come since the read began, and nobody has said more.
        if let begun, begun.head == replica.head, begun.mentioned == mentioned { mentioned = replica.head }
        begun = nil
        let next = replica.filled()
        if mentioned > replica.head { expectFill(next) } else if next != .stale { fail("\(next) after a read") }
    }

    mutating func push(upTo last: UInt64) {
        let before = replica.head
        var (offered, refused): (Set<Int>, Set<Int>) = ([], [])
        var generator = generator
        replica.push(upTo: last) { name in
            if !offered.insert(name).inserted { refused.insert(-1) }
            if generator.oneIn(4) { refused.insert(name) }
            return !refused.contains(name)
        }
        self.generator = generator
        if refused.contains(-1) { fail("pushed to one reader twice") }
        for index in readers.indices {
            if offered.contains(readers[index].name) != (readers[index].given == before) {
                fail("reader \(readers[index].name) at \(readers[index].given), pushed after \(before): \(offered)")
            }
            if offered.contains(readers[index].name), !refused.contains(readers[index].name) {
                readers[index].given = last
            }
        }
    }

    // MARK: Readers

    mutating func addReader() {
        // Some have read further elsewhere than the replica has heard.
        let seq = generator.oneIn(2) ? replica.head : upTo(log)
        names += 1
        if replica.add(names, at: seq) != readers.count { fail("a new reader is not the last") }
        readers.append(Reader(name: names, given: seq))
    }

    mutating func changeReader() {
        guard !readers.isEmpty else { return }
        let (index, seq) = (generator.below(readers.count), upTo(log))
        switch generator.below(3) {
        case 0:
            replica.seek(index, to: seq)
            readers[index] = Reader(name: readers[index].name, given: seq)
        case 1:
            names += 1
            replica.replace(index, with: names, at: seq)
            readers[index] = Reader(name: names, given: seq)
        default:
            let last = readers.removeLast()
            if index < readers.count { readers[index] = last }
            if replica.remove(index) != (index < readers.count ? last.name : nil) { fail("removed another") }
        }
    }

    mutating func startReading() {
        guard !readers.isEmpty else { return }
        let index = generator.below(readers.count)
        let (given, isReading) = (readers[index].given, readers[index].isReading)
        let expected: RoomReplica<Int>.Step =
            isReading || given == replica.head ? .none : given > replica.head ? .wait : .read(after: given)
        if replica.startReading(index) != expected { fail("read of \(index)") }
        if expected == .read(after: given) { readers[index].isReading = true }
    }

    mutating func finishReading() {
        guard let index = readers.firstIndex(where: \.isReading) else { return }
        let last = readers[index].given + upTo(replica.head - readers[index].given)
        if replica.advance(index, to: last) != (last == replica.head) { fail("advance to \(last)") }
        readers[index] = Reader(name: readers[index].name, given: last)
    }

    mutating func restart() {
        epochs += 1
        log = upTo(5)
        (mentioned, begun) = (log, nil)
        replica.restart(epoch: epoch("e\(epochs)"), head: log)
        for index in readers.indices { readers[index] = Reader(name: readers[index].name, given: log) }
    }

    mutating func check() {
        let head = replica.head
        if head > log { fail("head \(head) of a log of \(log)") }
        if replica.readers.map(\.handle) != readers.map(\.name) { fail("indices have moved") }
        for (real, reader) in zip(replica.readers, readers) {
            let isRight: Bool =
                switch real.place {
                case .live: reader.given == head && !reader.isReading
                case .behind(let seq, let reading):
                    seq == reader.given && seq != head && reading == reader.isReading && (!reading || seq < head)
                }
            if !isRight { fail("\(reader) stands at \(real.place), head \(head)") }
        }
        // Nothing that was mentioned is forgotten: either it has come or a read is under way.
        if mentioned > head && !isFilling { fail("\(mentioned) was mentioned, head \(head), no read") }
    }
}

@Suite struct RoomReplicaModelTests {
    @Test(arguments: 1...60)
    func itGivesEveryReaderEverySeqOnceInOrder(_ seed: Int) {
        var model = ReplicaModel(seed: seed)
        for step in 0..<1500 {
            model.step()
            if let problem = model.problem {
                Issue.record("seed \(seed), step \(step): \(problem)")
                return
            }
        }
        // Were nothing ever read or pushed, nothing would be tested.
        #expect(model.replica.head > 0 || model.epochs > 0)
        #expect(model.names > 50)
    }

    @Test(arguments: 1...20)
    func whenTheNoiseEndsEveryoneCatchesUp(_ seed: Int) {
        var model = ReplicaModel(seed: seed)
        for _ in 0..<500 { model.step() }
        // As the slow look at the store would say.
        let arrival = model.replica.hear(epoch: model.replica.epoch, head: model.log)
        model.mentioned = max(model.mentioned, model.log)
        if model.log > model.replica.head { model.expectFill(arrival) }
        for _ in 0..<10_000 where model.isFilling { model.finishFill() }
        if model.replica.head < model.log { model.arrive(model.replica.head + 1, model.log) }
        for index in model.readers.indices {
            if !model.readers[index].isReading { _ = model.replica.startReading(index) }
            if model.readers[index].given < model.log { #expect(model.replica.advance(index, to: model.log) == true) }
        }
        #expect(model.problem == nil)
        #expect(model.replica.head == model.log)
        #expect(model.replica.readers.allSatisfy { $0.place == .live })
    }
}
