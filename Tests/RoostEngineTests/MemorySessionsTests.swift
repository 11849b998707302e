import RoostCore
import Testing

@testable import RoostEngine

@Suite("Sessions in memory")
struct MemorySessionsTests {
    private let time = Locked<Int64>(0)

    private func sessions(_ capacity: Int = 100) -> MemorySessions {
        let time = time
        return MemorySessions(capacity: capacity) { Moment(milliseconds: time.withLock { $0 }) }
    }

    private func pass(_ milliseconds: Int64) { time.withLock { $0 += milliseconds } }

    @Test func visitsAreCountedAndTheRoomIsKept() async throws {
        let sessions = sessions()
        #expect(try await sessions.visit("a", begins: false, idleMs: 1000) == nil)
        #expect(try await sessions.visit("a", begins: true, idleMs: 1000) == SessionState(visits: 1))
        try await sessions.note(room: .general, of: "a")
        try await sessions.note(room: .general, of: "unknown")
        let second = SessionState(visits: 2, lastRoom: .general)
        #expect(try await sessions.visit("a", begins: false, idleMs: 1000) == second)
        #expect(try await sessions.visit("unknown", begins: false, idleMs: 1000) == nil)
    }

    @Test func aSessionEndsWhenItWasNotVisitedForItsLife() async throws {
        let sessions = sessions()
        _ = try await sessions.visit("a", begins: true, idleMs: 1000)
        pass(999)
        #expect(try await sessions.visit("a", begins: false, idleMs: 1000)?.visits == 2)
        pass(1000)
        #expect(try await sessions.visit("a", begins: false, idleMs: 1000) == nil)
        #expect(try await sessions.visit("a", begins: true, idleMs: 1000)?.visits == 1)
    }

    @Test func thoseThatAreOverAreForgotten() async throws {
        let sessions = sessions()
        for number in 0..<50 { _ = try await sessions.visit("\(number)", begins: true, idleMs: 1000) }
        pass(1000)
        _ = try await sessions.visit("new", begins: true, idleMs: 1000)
        #expect(sessions.count == 1)
    }

    @Test func overTheBoundThoseVisitedTheLongestAgoGo() async throws {
        let sessions = sessions(3)
        for name in ["a", "b", "c", "a", "d"] { _ = try await sessions.visit(name, begins: true, idleMs: 1000) }
        #expect(sessions.count == 3)
        #expect(try await sessions.visit("b", begins: false, idleMs: 1000) == nil)
        #expect(try await sessions.visit("a", begins: false, idleMs: 1000)?.visits == 3)
    }

    @Test func oneThatIsVisitedAllTheTimeCostsNoMore() async throws {
        let sessions = sessions()
        _ = try await sessions.visit("resting", begins: true, idleMs: 1_000_000)
        for visit in 1...10_000 {
            #expect(try await sessions.visit("busy", begins: true, idleMs: 1000)?.visits == UInt64(visit))
        }
        #expect(sessions.visitsInOrder < 200)
        #expect(try await sessions.visit("resting", begins: false, idleMs: 1000)?.visits == 2)
    }
}
