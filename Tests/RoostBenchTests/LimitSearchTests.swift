import Testing

@testable import RoostBench

@Suite("The search for a limit")
struct LimitSearchTests {
    private func search(limit: Int) -> (borne: Int?, trials: Int) {
        var search = LimitSearch(from: 20)
        var trials = 0
        while let rate = search.next() {
            trials += 1
            search.tried(rate, wasBorne: rate <= limit)
        }
        return (search.borne, trials)
    }

    @Test(
        "it ends a twentieth below the limit or nearer, in few trials", arguments: [3, 19, 20, 21, 999, 5000, 123_456])
    func ends(limit: Int) throws {
        let (borne, trials) = search(limit: limit)
        let found = try #require(borne)
        #expect(found <= limit)
        #expect(Double(found) > Double(limit) * 0.9 - 1)
        #expect(trials <= 20)
    }

    @Test("it ends also where nothing is too much, and where everything is")
    func bounds() {
        #expect(search(limit: 0).borne == nil)
        #expect(search(limit: .max).borne ?? 0 >= 10_000_000)
    }
}
