import RoostCore
import Testing

@Suite struct SortedListTests {
    @Test func keepsOrderAndEachElementOnce() {
        var list = SortedList<Int>()
        for number in [5, 3, 9, 3, 5, 1] { list.insert(number) }
        #expect(Array(list.after(nil)) == [1, 3, 5, 9])
        #expect(list.count == 4)
    }

    @Test func goesOnBehindACursorThatNeedNotBeThere() {
        var list = SortedList<Int>()
        for number in [10, 20, 30] { list.insert(number) }
        #expect(Array(list.after(20)) == [30])
        #expect(Array(list.after(15)) == [20, 30])
        #expect(Array(list.after(30)).isEmpty)
        #expect(Array(list.after(31)).isEmpty)
        #expect(Array(list.after(1)) == [10, 20, 30])
    }

    /// Against an array that is sorted after each step, over sizes that cut pieces in two and join them again.
    @Test(arguments: [1, 2, 3, 4]) func agreesWithASortedArray(seed: Int) {
        var random = SeededGenerator(seed: seed)
        var list = SortedList<Int>()
        var model: Set<Int> = []
        for step in 0..<6000 {
            let number = Int(random.next() % 2500)
            // Grows first, shrinks then, to nothing.
            if random.next() % 10 < (step < 3000 ? 8 : 2) {
                list.insert(number)
                model.insert(number)
            } else {
                list.remove(number)
                model.remove(number)
            }
            guard step % 97 == 0 else { continue }
            let cursor = Int(random.next() % 2600)
            #expect(list.count == model.count)
            #expect(Array(list.after(nil)) == model.sorted())
            #expect(Array(list.after(cursor)) == model.filter { $0 > cursor }.sorted())
        }
        for number in model { list.remove(number) }
        #expect(list.isEmpty && Array(list.after(nil)).isEmpty)
    }
}
