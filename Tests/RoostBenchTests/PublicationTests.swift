import Testing

@testable import RoostBench

@Suite("Publications")
struct PublicationTests {
    private func payload(_ frame: OutgoingFrame, header: Int) -> String {
        String(decoding: frame.bytes[header...], as: UTF8.self)
    }

    @Test(
        "a frame says how long it is, in all three ways",
        arguments: [(5, 6), (125, 6), (126, 8), (65_535, 8), (65_536, 14)])
    func lengths(size: Int, header: Int) {
        let frame = OutgoingFrame(.text, String(repeating: "a", count: size))
        #expect(frame.bytes.count == header + size)
        let length: Int =
            switch frame.bytes[1] & 127 {
            case 126: Int(frame.bytes[2]) << 8 | Int(frame.bytes[3])
            case 127: frame.bytes[2..<10].reduce(0) { $0 << 8 | Int($1) }
            case let short: Int(short)
            }
        #expect(length == size)
        #expect(frame.bytes[1] & 128 != 0)
    }

    @Test("the content has the size asked for, and the number is found again", arguments: BenchDialect.allCases)
    func numbers(dialect: BenchDialect) {
        var publication = Publication(dialect, room: "r", size: 64)
        var finder = NumberFinder(dialect)
        for number in [1, 42, 999_999_999_999] as [UInt64] {
            let text = payload(publication.numbered(number), header: dialect == .native ? 8 : 6)
            var found: [UInt64] = []
            text.utf8.withContiguousStorageIfAvailable { finder.find(UnsafeRawBufferPointer($0)) { found.append($0) } }
            #expect(found == [number])
            #expect(text.filter { $0 == "x" }.count >= 64 - Publication.leastSize)
        }
    }

    @Test("in a stream numbers are found wherever frames begin and end")
    func streams() {
        let text = (1...3).map { "MSG r 1 20\r\n@@00000000000\($0)@xxxxx\r\n" }.joined()
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            var finder = NumberFinder(.nats)
            var found: [UInt64] = []
            for piece in [bytes[..<cut], bytes[cut...]] {
                Array(piece).withUnsafeBytes { finder.find($0) { found.append($0) } }
            }
            #expect(found == [1, 2, 3], "cut at \(cut)")
        }
    }

    @Test("publications are due at their times, and late ones keep theirs")
    func pace() {
        var pacer = Pacer(rate: 1000, from: 0)
        #expect(pacer.due(at: 0) == 0)
        #expect(pacer.due(at: 999_999) == nil)
        #expect(pacer.due(at: 3_500_000) == 1_000_000)
        #expect(pacer.due(at: 3_500_000) == 2_000_000)
        #expect(pacer.due(at: 3_500_000) == 3_000_000)
        #expect(pacer.due(at: 3_500_000) == nil)
        #expect(pacer.next == 4_000_000)
    }

    @Test(
        "how late publications left is told, without the warming up, and warned of where latencies contain much of it")
    func lateness() {
        var pacer = Pacer(rate: 1000, from: 0)
        _ = pacer.due(at: 900_000_000)
        pacer.forget()
        while pacer.due(at: 900_000_000) != nil {}
        pacer.forget()
        let start = pacer.next
        for number in 0..<100 { _ = pacer.due(at: start + Int64(number) * 1_000_000 + 400_000) }
        func warnings(_ latency: UInt64) -> Int {
            var report = Report("t")
            pacer.report(into: &report, latency: latency)
            #expect(abs((report["behind schedule p99"] ?? 0) - 0.4) < 0.01)
            return report.warnings.count
        }
        #expect(warnings(5_000_000) == 0)
        #expect(warnings(3_000_000) == 1)
    }
}
