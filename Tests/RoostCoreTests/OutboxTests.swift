import RoostCore
import Testing

@Suite struct OutboxTests {
    @Test func anOpenBoxTakesEverything() {
        var box = Outbox()
        #expect(box.isOpen)
        for cargo in [Outbox.Cargo.reply, .logged, .transient] { #expect(box.admits(cargo) == true) }
        #expect(box.dropped == 0)
    }

    @Test func aShutBoxTakesRepliesOnly() {
        var box = Outbox()
        #expect(box.writability(changedTo: false) == false)
        #expect(!box.isOpen)
        #expect(box.admits(.reply) == true)
        #expect(box.admits(.logged) == false)
        #expect(box.admits(.transient) == false)
    }

    @Test func onlyPassingNewsCountsAsDropped() {
        var box = Outbox()
        _ = box.writability(changedTo: false)
        for _ in 0..<3 { #expect(box.admits(.transient) == false) }
        _ = box.admits(.logged)
        _ = box.admits(.reply)
        #expect(box.dropped == 3)
        _ = box.writability(changedTo: true)
        #expect(box.admits(.transient) == true)
        #expect(box.dropped == 3)
    }

    @Test(arguments: [
        ([true], [false]), ([false, true], [false, true]), ([false, false, true], [false, false, true]),
        ([false, true, true], [false, true, false]), ([true, false, true, false], [false, false, true, false]),
    ])
    func openingIsToldOnceAfterEachShutting(_ changes: [Bool], _ told: [Bool]) {
        var box = Outbox()
        #expect(changes.map { box.writability(changedTo: $0) } == told)
        #expect(box.isOpen == changes.last)
    }
}
