/// One entry of `kinds`: what the rooms that it matches keep and allow.
public struct KindSetting: Sendable, Equatable {
    /// Where the log is: in the store, or in this process only.
    public enum Log: String, Sendable, CaseIterable { case stored, memory }
    /// What members learn about each other: who is here, how many, nothing.
    public enum Presence: String, Sendable, CaseIterable { case full, count, off }
    /// Who publishes: whoever may enter, or servers only.
    public enum Publishers: String, Sendable, CaseIterable { case members, servers }
    /// Who reads what was said before: whoever may enter, or nobody.
    public enum HistoryReaders: String, Sendable, CaseIterable { case members, none }

    /// The names of rooms: 1–256 bytes of `[A-Za-z0-9_.:-]` and `*`, which stands for any number of any of these.
    public var match: String
    /// Where the log is.
    public var log = Log.stored
    /// The newest so many messages are retained, up to a billion; 0 = off: all are.
    public var retainCount = 0
    /// Messages older than this are dropped, from 10 ms to 36500 days; 0 = off: none are.
    public var retainAge = Duration.zero
    /// What members learn about each other.
    public var presence = Presence.full
    /// Whether members see how far the others have received and read.
    public var receipts = false
    /// Whether the first use of such a room creates it; nil: as `--create-on-join` says.
    public var createOnJoin: Bool?
    /// Who publishes.
    public var publish = Publishers.members
    /// Who reads what was said before.
    public var history = HistoryReaders.members

    public init(match: String) { self.match = match }
}
