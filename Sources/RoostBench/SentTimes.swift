/// When publications left, by number, as long as somebody may ask.
struct SentTimes {
    private var times: [Int64]
    /// The first number that may still be asked for, as far as is known.
    private var oldest: UInt64 = 1

    init() { times = Array(repeating: 0, count: 64) }

    private func place(_ number: UInt64) -> Int { Int(number % UInt64(times.count)) }

    /// When it left, or was to leave.
    subscript(number: UInt64) -> Int64 { times[place(number)] }

    /// Whether the next number would take the place of one that may still be asked for.
    func isFull(for number: UInt64) -> Bool { number - oldest >= UInt64(times.count) }

    /// Makes room for the next number.
    /// - Parameter oldest: the first number that may still be asked for.
    mutating func makeRoom(for number: UInt64, oldest: UInt64) {
        self.oldest = max(self.oldest, min(oldest, number))
        while isFull(for: number) { grow(upTo: number) }
    }

    /// - Parameter number: one more than the last, beginning with 1; there must be room for it.
    mutating func note(_ number: UInt64, at time: Int64) { times[place(number)] = time }

    /// When it left; forgets it.
    /// - Returns: nil if it did not leave or was taken before.
    mutating func take(_ number: UInt64, newest: UInt64) -> Int64? {
        guard number <= newest, number + UInt64(times.count) > newest, times[place(number)] != 0 else { return nil }
        defer { times[place(number)] = 0 }
        return times[place(number)]
    }

    private mutating func grow(upTo number: UInt64) {
        let old = self
        times = Array(repeating: 0, count: 2 * old.times.count)
        for kept in oldest..<number { times[place(kept)] = old[kept] }
    }
}
