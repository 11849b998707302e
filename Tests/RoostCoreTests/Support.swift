import Foundation
import RoostCore
import Testing

/// SplitMix64 (https://prng.di.unimi.it/splitmix64.c): a seed gives the same numbers everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: Int) { state = UInt64(bitPattern: Int64(seed)) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    mutating func oneIn(_ bound: Int) -> Bool { below(bound) == 0 }
}

extension Moment {
    static func at(_ milliseconds: Int64) -> Moment { Moment(milliseconds: milliseconds) }
}

/// Names that the test itself wrote, and so must be legal.
func room(_ text: String) -> RoomName {
    guard let room = RoomName(text) else { fatalError("no room name: \(text)") }
    return room
}

func user(_ text: String) -> UserID {
    guard let user = UserID(text) else { fatalError("no user id: \(text)") }
    return user
}

func id(_ text: String) -> MessageID {
    guard let id = MessageID(text) else { fatalError("no message id: \(text)") }
    return id
}

func epoch(_ text: String) -> Epoch {
    guard let epoch = Epoch(text) else { fatalError("no epoch: \(text)") }
    return epoch
}

func json(_ text: String) -> RawJSON { RawJSON(validated: Array(text.utf8)) }

/// A seeded random driver. `ROOST_FUZZ_SECONDS` scales the number of rounds; `ROOST_FUZZ_SEED` runs one round alone.
enum Fuzz {
    private static let environment = ProcessInfo.processInfo.environment
    private static let alone = environment["ROOST_FUZZ_SEED"].flatMap { Int($0) }
    /// Whether there are enough rounds to expect a bit of everything.
    static var isBroad: Bool { alone == nil }

    /// - Parameters:
    ///   - perSecond: rounds that a debug build does in about a second.
    ///   - round: nil, or what is wrong.
    static func run(_ name: String, perSecond: Int, _ round: (inout SeededGenerator) -> String?) {
        let seconds = environment["ROOST_FUZZ_SECONDS"].flatMap { Double($0) } ?? 2.5
        let rounds = max(1, Int(Double(perSecond) * seconds))
        var failures = 0
        for seed in alone.map({ $0...$0 }) ?? 1...rounds where failures < 3 {
            var generator = SeededGenerator(seed: seed)
            guard let problem = round(&generator) else { continue }
            failures += 1
            Issue.record("\(name): ROOST_FUZZ_SEED=\(seed): \(problem)")
        }
    }
}
