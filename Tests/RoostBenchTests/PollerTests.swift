import Testing

@testable import RoostBench

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite("Pollers")
struct PollerTests {
    private static var all: [any Poller] {
        #if os(Linux)
        [EPoller(), PlainPoller()]
        #else
        [PlainPoller()]
        #endif
    }

    @Test("a socket is ready when it can be read or written, as long as it is watched", arguments: [0, 1])
    func readiness(which: Int) throws {
        guard which < Self.all.count else { return }
        let poller = Self.all[which]
        var ends: [Int32] = [0, 0]
        #if canImport(Darwin)
        #expect(socketpair(AF_UNIX, SOCK_STREAM, 0, &ends) == 0)
        #else
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        #endif
        defer { for end in ends { close(end) } }
        func ready() -> [String] {
            var said: [String] = []
            poller.wait(milliseconds: 0) { said.append("\($0.descriptor == ends[0]) \($0.canRead) \($0.canWrite)") }
            return said
        }
        poller.watch(ends[0], forWriting: false)
        #expect(ready() == [])
        #expect(write(ends[1], "a", 1) == 1)
        #expect(ready() == ["true true false"])
        poller.watch(ends[0], forWriting: true)
        #expect(ready() == ["true true true"])
        poller.forget(ends[0])
        #expect(ready() == [])
    }
}
