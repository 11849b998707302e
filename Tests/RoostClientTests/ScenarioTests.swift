import Foundation
import RoostClient
import Testing

/// The stories of `Tests/Clients/scenarios`, which `roost.js` is held to as well: every input, and all that is to be done
/// about it.
@Suite struct ScenarioTests {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appending(path: "../Clients/scenarios").standardized

    static let files: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (names ?? []).filter { $0.hasSuffix(".json") }.sorted()
    }()

    @Test func thereAreStories() { #expect(Self.files.count >= 10) }

    @Test(arguments: files) func everyStoryOf(_ file: String) throws {
        let data = try Data(contentsOf: Self.folder.appending(path: file))
        let stories = try #require(try JSONSerialization.jsonObject(with: data) as? [JSON])
        #expect(!stories.isEmpty)
        for story in stories { try play(story) }
    }

    private func play(_ story: JSON) throws {
        let name = story["name"] as? String ?? "?"
        let numbers = story["random"] as? [Double] ?? [0.5]
        var used = 0
        let machine = ClientMachine(
            options: try MachineOptions(story["options"] as? JSON ?? [:]), wall: story["wall"] as? Int64 ?? 0
        ) {
            defer { used += 1 }
            return numbers[used % numbers.count]
        }
        for (index, step) in (story["steps"] as? [JSON] ?? []).enumerated() {
            let input = try #require(step["in"] as? JSON)
            let at = try #require(step["at"] as? Int64)
            // That something opened is of no interest, only what came over it; and there is no unknown input here.
            let ignored: Set = ["opened", "of the future"]
            let actions = ignored.contains(try input.text("type")) ? [] : machine.handle(try ClientInput(input), at: at)
            let out = actions.map { ScenarioJSON.action($0) }
            let expected = (step["out"] as? [JSON] ?? []).map(ScenarioJSON.plain)
            #expect(
                (out as NSArray).isEqual(to: expected),
                """
                \(name), step \(index), at \(at): \(ScenarioJSON.text(input))
                did    \(ScenarioJSON.text(out))
                wanted \(ScenarioJSON.text(expected))
                """)
        }
    }
}

typealias JSON = [String: Any]
