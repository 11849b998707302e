import RoostCore
import RoostEngine

@testable import RoostHub

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

func epoch(_ text: String) -> Epoch {
    guard let epoch = Epoch(text) else { preconditionFailure("\(text) is no epoch") }
    return epoch
}

/// Entries of logs that no store has made.
enum Sample {
    static func message(_ seq: UInt64, in name: String = "r", bytes: Int = 8) -> Message {
        Message(
            room: room(name), seq: seq, id: id("m\(seq)"), sender: user("a"), kind: .message,
            at: Timestamp(milliseconds: 0),
            content: RawJSON(validated: Array(repeating: UInt8(ascii: "1"), count: bytes)))
    }

    static func tombstone(_ seq: UInt64, of gone: UInt64, in name: String = "r") -> Message {
        var message = message(seq, in: name)
        message.kind = .deleted
        message.content = Message.tombstone(for: id("m\(gone)"), at: gone)
        return message
    }

    static func committed(_ messages: [Message], _ life: String = "e") -> Committed {
        Committed(room: messages.first?.room ?? room("r"), epoch: epoch(life), messages: messages)
    }
}
