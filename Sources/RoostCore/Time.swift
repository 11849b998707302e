/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z. Shown to people, never subtracted for a duration.
public struct Timestamp: Hashable, Sendable, Comparable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
}

/// Monotonic time in milliseconds since some fixed moment of this process. Every deadline and rate is in it.
public struct Moment: Hashable, Sendable, Comparable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (a: Moment, b: Moment) -> Bool { a.milliseconds < b.milliseconds }
    public static func + (a: Moment, milliseconds: Int64) -> Moment {
        Moment(milliseconds: a.milliseconds + milliseconds)
    }
    public static func - (a: Moment, b: Moment) -> Int64 { a.milliseconds - b.milliseconds }
}
