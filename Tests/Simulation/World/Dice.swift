/// A stream of chance that the seed fixes: SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014).
///
/// Each concern rolls dice of its own, named after it, so that one more roll in one place changes nothing elsewhere.
final class Dice: RandomNumberGenerator, @unchecked Sendable {
    private var state: UInt64

    init(seed: UInt64, _ concern: String) {
        state = Dice.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
        for byte in concern.utf8 { state = Dice.mix(state ^ UInt64(byte)) }
    }

    func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Dice.mix(state)
    }

    private static func mix(_ bits: UInt64) -> UInt64 {
        var bits = bits
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// True once in `1 / probability` rolls.
    func chance(_ probability: Double) -> Bool {
        Double(next() >> 11) * 0x1p-53 < probability
    }

    // The remainder favours small numbers by less than anybody could notice here.
    func int(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    func time(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    func pick<Element>(_ choices: [Element]) -> Element { choices[int(0...(choices.count - 1))] }
}
