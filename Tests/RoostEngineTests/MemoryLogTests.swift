import RoostCore
import Testing

@testable import RoostEngine

/// A log in memory takes no more than twice what it retains.
@Suite struct MemoryLogTests {
    @Test(arguments: [0, 1, 2, 10, 1000]) func aCountBoundsWhatIsHeld(_ count: Int) throws {
        var kind = RoomKind()
        kind.retainCount = count
        var log = MemoryStore.Log()
        let draft = try draft("a")
        for step in 1...5000 {
            let message = log.append(draft, at: .start)
            log.retain(kind, at: .start)
            #expect(message.seq == UInt64(step))
            #expect(log.entries(after: 0).count == min(step, count))
            if log.held > 2 * count { Issue.record("\(log.held) are held") }
        }
    }

    @Test func whatExpiresIsLetGo() throws {
        var kind = RoomKind()
        kind.retainAgeMs = 100
        var log = MemoryStore.Log()
        let draft = try draft("a")
        for step in 0..<1000 { _ = log.append(draft, at: Timestamp(milliseconds: Int64(step))) }
        log.retain(kind, at: Timestamp(milliseconds: 600))
        #expect(log.held <= 1000 && log.floor == 501)
        log.retain(kind, at: Timestamp(milliseconds: 1000))
        #expect(log.floor == 901)
        #expect(log.held <= 2 * 99)
        log.retain(kind, at: Timestamp(milliseconds: 9999))
        #expect(log.held == 0)
        #expect(log.head == 1000)
        #expect(log.append(draft, at: .start).at == Timestamp(milliseconds: 999))
    }
}
