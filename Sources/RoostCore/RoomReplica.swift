/// A shard's view of one room's log: where the log ends as far as it has heard, and where each reader stands.
///
/// The replica is itself a cursor over the log. Whoever stands at its head is *live* and is pushed what comes; whoever
/// does not, for whatever cause, is *behind* and reads the log from its own cursor until it stands at the head. That is
/// the only recovery there is.
///
/// `Handle` names a reader to the shell: a connection in the server, a string in a test.
public struct RoomReplica<Handle> {
    /// A reader's place. Indices change as readers leave; the shell is told (`remove`).
    public struct Reader {
        @usableFromInline
        var who: Handle
        @usableFromInline
        var stand: Place

        public var handle: Handle { who }
        public var place: Place { stand }
    }

    public enum Place: Equatable, Sendable {
        /// At the replica's head, whatever that is.
        case live
        /// Has everything up to `seq`, which may be beyond the head if it has heard more elsewhere than the replica has;
        /// `reading` while a read of the log is under way for it.
        case behind(seq: UInt64, reading: Bool)
    }

    public private(set) var epoch: Epoch
    public var head: UInt64 { end }
    public var readers: [Reader] { all }
    // What `push` touches, which must be known where it is used: it is in the way of every delivery.
    @usableFromInline
    var end: UInt64
    @usableFromInline
    var all: [Reader] = []
    /// The newest `seq` that anyone has mentioned; above `head` while the replica itself is behind.
    private var rumour: UInt64
    /// What the read under way was begun with: where the head was, and what had been heard of.
    private var filling: (after: UInt64, rumour: UInt64)?

    public init(epoch: Epoch, head: UInt64, rumour: UInt64 = 0) {
        self.epoch = epoch
        end = head
        self.rumour = max(rumour, head)
    }

    /// Whether the log is known to go on after the head.
    public var isBehindRumour: Bool { rumour > end }

    // MARK: What comes in

    /// What to do about a stretch of messages `first ... last` that has arrived.
    public enum Arrival: Equatable, Sendable {
        /// Push those from `from` on (the earlier ones are old news), then call `push`.
        case push(from: UInt64)
        /// Nothing new.
        case stale
        /// Something between is missing: read the log after `head`, then call `arrive` with that.
        case fill(after: UInt64)
        /// Something is missing, and a read is under way already.
        case filling
        /// The log is another one: open the room anew.
        case otherEpoch
    }

    public mutating func arrive(epoch: Epoch, first: UInt64, last: UInt64) -> Arrival {
        guard epoch == self.epoch else { return .otherEpoch }
        guard last > head else { return .stale }
        rumour = max(rumour, last)
        guard first > head + 1 else { return .push(from: head + 1) }
        return startFilling()
    }

    /// Somebody says that the log ends at `seq`.
    public mutating func hear(epoch: Epoch, head seq: UInt64) -> Arrival {
        guard epoch == self.epoch else { return .otherEpoch }
        guard seq > head else { return .stale }
        rumour = max(rumour, seq)
        return startFilling()
    }

    /// The read asked for by `.fill` has not begun yet; where it is to begin now, or `.stale` if there is no need any more.
    public mutating func postponed() -> Arrival {
        guard filling != nil else { return .stale }
        filling = nil
        return rumour > head ? startFilling() : .stale
    }

    /// The read asked for by `.fill` is over, and what it brought pushed; another one if the replica is still behind what
    /// it has heard of. Where nothing came since it began, a rumour that it began with was wrong and is dropped; one
    /// that came meanwhile is not, since the read may be older.
    public mutating func filled() -> Arrival {
        guard let begun = filling else { return .stale }
        filling = nil
        if head == begun.after, rumour == begun.rumour { rumour = head }
        return rumour > head ? startFilling() : .stale
    }

    private mutating func startFilling() -> Arrival {
        guard filling == nil else { return .filling }
        filling = (head, rumour)
        return .fill(after: head)
    }

    /// Gives the messages up to `last` to every live reader; one that does not take them falls behind.
    @inlinable
    public mutating func push(upTo last: UInt64, _ send: (Handle) -> Bool) {
        let before = end
        end = last
        all.withUnsafeMutableBufferPointer { readers in
            for index in readers.indices {
                switch readers[index].stand {
                case .live: if !send(readers[index].who) { readers[index].stand = .behind(seq: before, reading: false) }
                // It was ahead, and the replica has come up with it.
                case .behind(let seq, reading: false) where seq == last: readers[index].stand = .live
                case .behind: break
                }
            }
        }
    }

    // MARK: Readers

    /// Adds a reader that has everything up to `seq`; returns its index.
    public mutating func add(_ handle: Handle, at seq: UInt64) -> Int {
        all.append(Reader(who: handle, stand: seq == head ? .live : .behind(seq: seq, reading: false)))
        return all.count - 1
    }

    /// Puts a reader back to `seq`.
    public mutating func seek(_ index: Int, to seq: UInt64) {
        all[index].stand = seq == head ? .live : .behind(seq: seq, reading: false)
    }

    /// As `seek`, for a reader that now wants something else.
    public mutating func replace(_ index: Int, with handle: Handle, at seq: UInt64) {
        all[index].who = handle
        seek(index, to: seq)
    }

    /// Another handle for the same reader at the same place.
    public mutating func rename(_ index: Int, to handle: Handle) { all[index].who = handle }

    /// Removes a reader; returns the one that now has its index, if any.
    public mutating func remove(_ index: Int) -> Handle? {
        let last = all.removeLast()
        guard index < all.count else { return nil }
        all[index] = last
        return last.who
    }

    /// What is to be done for a reader that is not live.
    public enum Step: Equatable, Sendable {
        /// Read the log after this `seq` for it.
        case read(after: UInt64)
        /// It is ahead of the replica: ask again when the head has moved.
        case wait
        /// Nothing: it is live, or a read is under way.
        case none
    }

    public mutating func startReading(_ index: Int) -> Step {
        guard case .behind(let seq, reading: false) = all[index].stand else { return .none }
        guard seq <= head else { return .wait }
        all[index].stand = .behind(seq: seq, reading: true)
        return .read(after: seq)
    }

    /// Whether the reader will be given the message at `seq`, or has been.
    public func hears(_ index: Int, _ seq: UInt64) -> Bool {
        switch all[index].stand {
        case .live: true
        case .behind(let reached, _): reached < seq
        }
    }

    /// The reader has now been sent everything up to `seq`. True if that made it live, false if it must go on reading.
    public mutating func advance(_ index: Int, to seq: UInt64) -> Bool {
        let isLive = seq == head
        all[index].stand = isLive ? .live : .behind(seq: seq, reading: false)
        return isLive
    }

    /// The log is a new one: everyone starts at its end.
    public mutating func restart(epoch: Epoch, head: UInt64) {
        self.epoch = epoch
        end = head
        rumour = head
        filling = nil
        for index in all.indices { all[index].stand = .live }
    }
}
