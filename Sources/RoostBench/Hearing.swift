/// What one reader has heard of one room's log, and whether that was everything, once, in order.
struct Hearing {
    /// The newest `seq` heard, or where the reader began.
    private(set) var reached: UInt64
    private(set) var heard: UInt64 = 0
    private(set) var duplicates: UInt64 = 0
    /// Heard after something that follows it.
    private(set) var late: UInt64 = 0
    /// What was passed over and has not come since.
    private var missing: [ClosedRange<UInt64>] = []

    init(after seq: UInt64) { reached = seq }

    var holes: UInt64 { missing.reduce(0) { $0 + $1.upperBound - $1.lowerBound + 1 } }

    /// What was heard in another than the right order, or not for the first time.
    var misordered: UInt64 { duplicates + late }

    /// Hears the next so many, in order.
    mutating func hear(next count: UInt64) {
        heard += count
        reached += count
    }

    mutating func hear(_ seq: UInt64) {
        heard += 1
        if seq > reached {
            if seq > reached + 1 { missing.append(reached + 1...seq - 1) }
            reached = seq
        } else if let index = missing.firstIndex(where: { $0.contains(seq) }) {
            late += 1
            let range = missing.remove(at: index)
            if range.lowerBound < seq { missing.append(range.lowerBound...seq - 1) }
            if seq < range.upperBound { missing.append(seq + 1...range.upperBound) }
        } else {
            duplicates += 1
        }
    }
}
