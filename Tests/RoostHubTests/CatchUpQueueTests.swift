import Testing

@testable import RoostHub

/// Only so many reads at once.
@Suite("The queue of reads")
struct CatchUpQueueTests {
    @Test("each read begins once, in order, and never more at once than may", arguments: 1...10)
    func model(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let atOnce = 1 + generator.below(4)
        var queue = CatchUpQueue<Int>(atOnce: atOnce)
        var (asked, running, begun) = (0, 0, [Int]())
        func begin(_ read: Int?) {
            guard let read else { return }
            begun.append(read)
            running += 1
        }
        for _ in 0..<1000 {
            if generator.oneIn(2) {
                asked += 1
                begin(queue.start(asked))
            } else if running > 0 {
                running -= 1
                begin(queue.finished())
            }
            #expect(running == min(atOnce, asked - begun.count + running))
            #expect(running <= atOnce)
        }
        while running > 0 {
            running -= 1
            begin(queue.finished())
        }
        #expect(begun == Array(1...asked))
    }
}
