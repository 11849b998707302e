import RoostCore
import Testing

/// Patterns of room names, and the kinds that are found by them.
@Suite struct RoomPatternTests {
    private func pattern(_ text: String) -> RoomPattern {
        guard let pattern = RoomPattern(text) else { fatalError("no pattern: \(text)") }
        return pattern
    }

    /// By definition: a star is nothing, or one byte and a star.
    private func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            return matches(pattern.dropFirst(), name) || (!name.isEmpty && matches(pattern, name.dropFirst()))
        }
        return name.first == first && matches(pattern.dropFirst(), name.dropFirst())
    }

    private func words(_ letters: [String], upTo length: Int) -> [String] {
        var (all, last): ([String], [String]) = ([], [""])
        for _ in 0..<length {
            last = last.flatMap { word in letters.map { word + $0 } }
            all += last
        }
        return all
    }

    @Test func everyShortPatternMatchesWhatItSays() {
        let names = words(["a", "b"], upTo: 5)
        for text in words(["a", "b", "*"], upTo: 5) {
            let pattern = pattern(text)
            let differing = names.filter {
                pattern.matches(room($0)) != matches(Array(text.utf8)[...], Array($0.utf8)[...])
            }
            #expect(differing.isEmpty, "\(text)")
        }
    }

    @Test(arguments: 1...5)
    func longOnesToo(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var matched = 0
        for _ in 0..<3000 {
            let text = (0...generator.below(10)).map { _ in generator.oneIn(3) ? "*" : "ab".randomElement(&generator) }
            let name = (0...generator.below(14)).map { _ in "ab".randomElement(&generator) }.joined()
            let expected = matches(Array(text.joined().utf8)[...], Array(name.utf8)[...])
            matched += expected ? 1 : 0
            #expect(pattern(text.joined()).matches(room(name)) == expected, "\(text.joined()) \(name)")
        }
        #expect((100..<2900).contains(matched))
    }

    @Test func aPatternThatAlmostMatchesInManyWaysIsJudgedSoon() {
        let stars = String(repeating: "a*", count: 100) + "b"
        #expect(!pattern(stars).matches(room(String(repeating: "a", count: 128))))
    }

    @Test func itIsMadeOfWhatNamesAreMadeOfAndStars() {
        for legal in ["*", "a", "game:*", "*.*-*_*:9", String(repeating: "*", count: 256)] {
            #expect(RoomPattern(legal)?.text == legal)
            #expect(RoomPattern(legal)?.description == legal)
        }
        for bad in ["", " ", "a b", "é", "a?", "a/b", "\n", "[ab]", String(repeating: "a", count: 257)] {
            #expect(RoomPattern(bad) == nil, "\(bad)")
        }
    }

    // MARK: Kinds

    @Test func theFirstRuleThatMatchesCounts() {
        var (first, second) = (RoomKind(), RoomKind())
        first.receipts = true
        second.log = .memory
        let kinds = Kinds([
            .init(match: pattern("game:1*"), kind: first), .init(match: pattern("game:*"), kind: second),
        ])
        #expect(kinds.kind(of: room("game:1")) == first)
        #expect(kinds.kind(of: room("game:2")) == second)
        #expect(kinds.kind(of: room("game")) == RoomKind())
        #expect(kinds.hasMemoryLogs)
        #expect(!Kinds([.init(match: pattern("*"), kind: first)]).hasMemoryLogs)
    }

    @Test func theUsualKindKeepsEverythingWithPresenceWithoutReceipts() {
        let usual = Kinds().kind(of: .general)
        #expect(usual.retainsAll && usual.log == .stored && usual.presence == .full && !usual.receipts)
        #expect(usual.publish == .members && usual.history == .members && usual.createOnJoin == nil)
    }

    @Test(
        arguments: [
            (nil, 100, 0), (10, 0, 0), (10, 9, 0), (10, 10, 0), (10, 11, 1), (10, 100, 90), (0, 5, 5), (-1, 5, 5),
            (.max, 5, 0),
        ] as [(Int?, UInt64, UInt64)])
    func theFloorLeavesTheNewestSoMany(_ count: Int?, _ head: UInt64, _ floor: UInt64) {
        var kind = RoomKind()
        kind.retainCount = count
        #expect(kind.floor(head: head) == floor)
        #expect(kind.retainsAll == (count == nil))
    }

    @Test func whatExpiresIsNotAllRetained() {
        var kind = RoomKind()
        kind.retainAgeMs = 1
        #expect(!kind.retainsAll)
        #expect(kind.floor(head: 100) == 0)
    }
}

extension String {
    fileprivate func randomElement(_ generator: inout SeededGenerator) -> String {
        String(self[index(startIndex, offsetBy: generator.below(count))])
    }
}
