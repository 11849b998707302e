/// How a count grew over time; the longer it takes, the longer the steps.
struct Timeline {
    private struct Point {
        var seconds: Double
        var total: UInt64
    }

    /// Steps at most; half of them are left when they become more.
    private static let most = 240

    private var points: [Point]
    /// Seconds from one look at the count to the next.
    private(set) var step = 0.1

    /// - Parameter total: the count at the beginning, from which seconds are told.
    init(from total: UInt64) { points = [Point(seconds: 0, total: total)] }

    mutating func note(_ total: UInt64, at seconds: Double) {
        guard let last = points.last, seconds > last.seconds else { return }
        points.append(Point(seconds: seconds, total: total))
        guard points.count > Timeline.most else { return }
        points = points.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        step *= 2
    }

    /// The last look, which makes no step of its own if it comes right after another.
    mutating func end(_ total: UInt64, at seconds: Double) {
        if points.count > 1, let last = points.last, seconds - last.seconds < step / 2 { points.removeLast() }
        note(total, at: seconds)
    }

    /// The rate in each step, at its end.
    var rates: [Curves.Rate] {
        zip(points, points.dropFirst()).map { before, after in
            let count = Double(after.total) - Double(before.total)
            return Curves.Rate(seconds: after.seconds, perSecond: count / (after.seconds - before.seconds))
        }
    }
}
