import CCounting
import Foundation

// Counts what the pure parts of the message path allocate and holds it against a file of thresholds: its path is the
// only argument. Ends non-zero where a part allocates more than it may.

/// Allocations per turn, over many turns, so that what is set up once doesn't count.
func allocations(of part: Part) -> Double {
    let turns = 1000
    for _ in 0..<100 { part.turn() }
    let before = allocations_so_far()
    for _ in 0..<turns { part.turn() }
    return Double(allocations_so_far() - before) / Double(turns)
}

func thresholds(_ path: String) -> [String: Double] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
        print("allocations: \(path) can't be read")
        exit(2)
    }
    var limits: [String: Double] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let words = line.split(separator: " ")
        guard let last = words.last, let limit = Double(last) else { continue }
        limits[words.dropLast().joined(separator: " ")] = limit
    }
    return limits
}

guard allocations_are_counted() == 1 else {
    print("allocations: they can be counted only with glibc; nothing was checked")
    exit(0)
}
guard CommandLine.arguments.count == 2 else {
    print("usage: allocations THRESHOLDS")
    exit(2)
}
let limits = thresholds(CommandLine.arguments[1])
var (passed, failed) = (0, 0)
for part in allParts() {
    let count = allocations(of: part)
    let limit = limits[part.name]
    let isFine = limit.map { count <= $0 } ?? false
    if isFine { passed += 1 } else { failed += 1 }
    let name = part.name.padding(toLength: 36, withPad: " ", startingAt: 0)
    let verdict = isFine ? "" : limit == nil ? "  NO THRESHOLD" : "  TOO MANY"
    print("\(name) \(String(format: "%7.2f", count))  of \(limit.map { String(format: "%g", $0) } ?? "?")\(verdict)")
}
print("\(passed) passed, \(failed) failed")
exit(failed == 0 ? 0 : 1)
