/// Publications to rooms with many readers, over and over.
final class FanOutRun: LoadRun {
    private let readersPerRoom: Int
    private let rooms: [FanOutRoom]
    private let readers: [FanOutReader]
    private var joined = 0
    private var group = Group()

    /// Deliveries of the same publications to several readers at the same time, which took equally long.
    private struct Group {
        unowned(unsafe) var room: FanOutRoom?
        var first: UInt64 = 0
        var publications: UInt64 = 0
        var readers: UInt64 = 0
        var time: Int64 = 0
    }

    /// - Parameter name: what the rooms' names begin with; nil: something new.
    init(_ options: Bench.Options, rooms: Int, readers: Int, name: String? = nil) {
        readersPerRoom = readers
        let prefix = name ?? "bench-\(UInt32.random(in: 0 ... .max))"
        // One tape, or few, may fill a cache; many are not to fill the memory. A single reader has nobody to follow.
        let tape = readers == 1 ? 0 : max(1 << 12, min(1 << 17, 1 << 26 / rooms))
        let all = (0..<rooms).map {
            FanOutRoom(options.dialect, name: "\(prefix)-\($0)", size: options.size, tape: tape)
        }
        self.rooms = all
        self.readers = (0..<(rooms * readers)).map { FanOutReader(options.dialect, all[$0 / readers]) }
        for room in all.indices { all[room].readers = Array(self.readers[(room * readers)..<((room + 1) * readers)]) }
        super.init(options, unit: "deliveries")
    }

    override var senders: Int { rooms.count }
    override var one: String { "delivery" }

    override func begin() {
        connect(
            readers.count,
            path: { [self] in path(readers[$0].room.name, user: "bench-\($0)") },
            each: { [self] number, socket in
                let reader = readers[number]
                if number % readersPerRoom == 0 { reader.room.publisher = socket }
                // The run outlives its sockets' reading, and this is called for all that is heard.
                socket.onFrames = { [unowned(unsafe) self, unowned(unsafe) socket, unowned(unsafe) reader] in
                    take($0, reader, socket)
                }
                guard let join = options.dialect.join(reader.room.name, hearsPresence: false) else {
                    return joinedOne()
                }
                socket.send(join)
            })
    }

    // MARK: Hearing

    /// Takes what other readers have heard, too, or else one frame; returns its bytes.
    private func take(_ stream: UnsafeRawBufferPointer, _ reader: FanOutReader, _ socket: BenchSocket) -> Int {
        if !reader.finder.isInside {
            let known = reader.room.tape.follow(stream, from: reader.hearing.reached + 1)
            if known.publications > 0 {
                heard(known.publications, reader)
                return known.bytes
            }
        }
        guard let frame = ServerFrame(stream), frame.isMessage else { return 0 }
        hear(frame, reader, socket)
        return frame.bytes.count
    }

    private func hear(_ frame: ServerFrame, _ reader: FanOutReader, _ socket: BenchSocket) {
        let text = frame.payload
        guard !options.dialect.isReceipt(text) else { return }
        let (first, before, wasInside) = (reader.hearing.reached + 1, done, reader.finder.isInside)
        var isInOrder = true
        reader.finder.find(text) { isInOrder = heard(number: $0, reader) && isInOrder }
        let answer = options.dialect.answer(text)
        if let answer { socket.send(answer) }
        if done != before {
            // What asks for an answer is no other reader's business.
            if isInOrder, answer == nil, !wasInside, !reader.finder.isInside, !reader.room.tape.has(first) {
                reader.room.tape.keep(frame.bytes, first: first, publications: done - before)
            }
            return
        }
        if joined < readers.count, options.dialect.isJoined(text) { joinedOne() }
        if let reason = options.dialect.refusal(text) {
            fail(BenchError("the server refused: \(reason) (start Roost with --rate-limit-messages 0)"))
        }
    }

    /// Returns whether it was the next one.
    private func heard(number: UInt64, _ reader: FanOutReader) -> Bool {
        if number == reader.hearing.reached + 1 {
            heard(1, reader)
            return true
        }
        reader.hearing.hear(number)
        reader.room.deliveries += 1
        done += 1
        refill(reader.room)
        return false
    }

    /// The next so many publications, in order.
    private func heard(_ publications: UInt64, _ reader: FanOutReader) {
        let (room, first) = (reader.room, reader.hearing.reached + 1)
        reader.hearing.hear(next: publications)
        room.deliveries += publications
        done += publications
        if group.room !== room || group.first != first || group.publications != publications || group.time != loop.now {
            enterLatencies()
            group = Group(room: room, first: first, publications: publications, readers: 0, time: loop.now)
        }
        group.readers += 1
        refill(room)
    }

    override func enterLatencies() {
        guard let room = group.room, group.readers > 0 else { return }
        for number in group.first..<(group.first + group.publications) {
            enter(group.time - room.sent[number], times: group.readers)
        }
        group.readers = 0
    }

    private func joinedOne() {
        joined += 1
        guard joined == readers.count else { return }
        options.progress("\(joined) readers joined; warming up")
        start()
    }

    // MARK: Publishing

    override func fill() {
        for room in rooms { refill(room) }
    }

    /// Publishes as long as fewer than `inFlight` publications are not yet with every reader.
    private func refill(_ room: FanOutRoom) {
        guard options.rate == nil, !hasStopped, joined == readers.count else { return }
        while room.published < room.deliveries / UInt64(readersPerRoom) + UInt64(options.inFlight) {
            publish(room, at: loop.now)
        }
    }

    override func publish(_ sender: Int, at time: Int64) { publish(rooms[sender], at: time) }

    private func publish(_ room: FanOutRoom, at time: Int64) {
        room.published += 1
        if room.sent.isFull(for: room.published) {
            enterLatencies()
            room.sent.makeRoom(for: room.published, oldest: room.slowest + 1)
        }
        room.sent.note(room.published, at: time)
        room.publisher?.send(room.publication.numbered(room.published))
    }

    // MARK: The end

    override func report(_ count: UInt64, seconds: Double) -> Report {
        let load = options.rate.map { "\($0) publications/s" } ?? "\(options.inFlight) in flight"
        var report = Report("fanout: \(rooms.count) × \(readersPerRoom) readers, \(options.size) B, \(load)")
        report.add("deliveries/s", Double(count) / seconds, "1/s")
        report.add("publications/s", Double(count) / Double(readersPerRoom) / seconds, "1/s")
        return report
    }

    override var missing: Int {
        readers.reduce(0) { $0 + Int($1.room.published) - Int($1.hearing.reached) + Int($1.hearing.holes) }
    }

    override func judge(_ missing: Int, _ report: inout Report) {
        let misordered = readers.reduce(0) { $0 + $1.hearing.misordered }
        report.add("lost", Double(missing), "")
        report.add("doubled or out of order", Double(misordered), "")
        if missing > 0 { report.blame("lost: \(missing)") }
        if misordered > 0 { report.blame("doubled or out of order: \(misordered)") }
    }
}

/// A room of a fan-out, in which the first reader publishes.
final class FanOutRoom {
    let name: String
    let tape: Tape
    var publication: Publication
    var publisher: BenchSocket?
    var readers: [FanOutReader] = []
    var published: UInt64 = 0
    /// To all readers together, doubled ones included.
    var deliveries: UInt64 = 0
    var sent = SentTimes()

    /// - Parameters:
    ///   - size: bytes of each message's content.
    ///   - tape: bytes of frames that are kept for comparing.
    init(_ dialect: BenchDialect, name: String, size: Int, tape: Int) {
        self.name = name
        self.tape = Tape(capacity: tape)
        publication = Publication(dialect, room: name, size: size)
    }

    /// The last publication that every reader has reached.
    var slowest: UInt64 { readers.reduce(published) { min($0, $1.hearing.reached) } }
}

/// One reader of a fan-out.
final class FanOutReader {
    unowned(unsafe) let room: FanOutRoom
    var finder: NumberFinder
    /// By the numbers of the publications.
    var hearing = Hearing(after: 0)

    init(_ dialect: BenchDialect, _ room: FanOutRoom) {
        self.room = room
        finder = NumberFinder(dialect)
    }
}
