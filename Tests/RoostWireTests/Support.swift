import Foundation
import NIOCore
import RoostCore
import RoostWire
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

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func oneIn(_ bound: Int) -> Bool { below(bound) == 0 }
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    /// Any Unicode text, with a liking for what is special in JSON.
    mutating func text(upTo bound: Int) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<below(bound + 1) {
            let scalar: UInt32 =
                switch below(6) {
                case 0: UInt32(below(0x20))
                case 1: UInt32(pick(Array("\"\\/bfnrtu{}[]:,".utf8)))
                case 2: UInt32(0x80 + below(0x800))
                case 3: UInt32(0x10000 + below(0x100000))
                case 4: UInt32(below(0x10000))
                default: UInt32(0x20 + below(0x60))
                }
            text.append(Unicode.Scalar(scalar) ?? "?")
        }
        return String(text)
    }
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

extension Timestamp {
    /// 2026-11-21T02:30:52.123Z, the contract's own example.
    static let example = Timestamp(milliseconds: 1_795_228_252_123)
}

/// What `write` writes.
func written(_ write: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    write(&buffer)
    return String(buffer: buffer)
}

/// A seeded random driver. `ROOST_FUZZ_SECONDS` scales the number of rounds; `ROOST_FUZZ_SEED` runs one round alone;
/// `ROOST_FUZZ_TRACE` prints each seed before its round, to find the one that ends the process.
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
        let isTraced = environment["ROOST_FUZZ_TRACE"] != nil
        var failures = 0
        for seed in alone.map({ $0...$0 }) ?? 1...rounds where failures < 3 {
            if isTraced { FileHandle.standardError.write(Data("\(name): ROOST_FUZZ_SEED=\(seed)\n".utf8)) }
            var generator = SeededGenerator(seed: seed)
            guard let problem = round(&generator) else { continue }
            failures += 1
            Issue.record("\(name): ROOST_FUZZ_SEED=\(seed): \(problem)")
        }
    }

    /// A few changes to the bytes, by the dozen kinds that parsers trip over.
    static func mutate(_ bytes: inout [UInt8], _ alphabet: [UInt8], _ generator: inout SeededGenerator) {
        for _ in 0..<generator.below(4) {
            let at = generator.below(bytes.count + 1)
            switch generator.below(8) {
            case 0: bytes.insert(generator.pick(alphabet), at: at)
            case 1 where at < bytes.count: bytes[at] = generator.pick(alphabet)
            case 2 where at < bytes.count: bytes[at] ^= 1 << UInt8(generator.below(8))
            case 3 where at < bytes.count: bytes.remove(at: at)
            case 4: bytes.removeSubrange(at..<min(bytes.count, at + generator.below(8)))
            case 5: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + generator.below(16))], at: at)
            case 6 where generator.oneIn(4): bytes.removeSubrange(at...)
            case 7 where generator.oneIn(4): bytes += bytes
            default: bytes.insert(generator.pick(alphabet), at: at)
            }
        }
    }
}
