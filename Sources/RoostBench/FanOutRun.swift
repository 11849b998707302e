import Histogram

/// Publications to rooms with many readers, over and over.
final class FanOutRun: BenchRun<Report> {
    private let readers: Int
    private var rooms: [Room]
    private var finders: [NumberFinder]
    private var lastHeard: [UInt64]
    private var joined = 0
    private var deliveries: UInt64 = 0
    private var misordered: UInt64 = 0
    private var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private var meter: Meter?
    private var pacer: Pacer?
    private var nextRoom = 0
    private var countedFrom: UInt64 = 0
    private var hasStopped = false

    private struct Room {
        let name: String
        var publication: Publication
        var publisher: BenchSocket?
        var published: UInt64 = 0
        var deliveries: UInt64 = 0
        /// When the last 4096 of them were published, by number.
        var sentAt = [Int64](repeating: 0, count: 4096)
    }

    init(_ options: Bench.Options, rooms: Int, readers: Int, name: String? = nil) {
        self.readers = readers
        let prefix = name ?? "bench-\(UInt32.random(in: 0 ... .max))"
        self.rooms = (0..<rooms).map { number in
            let name = "\(prefix)-\(number)"
            return Room(name: name, publication: Publication(options.dialect, room: name, size: options.size))
        }
        finders = Array(repeating: NumberFinder(options.dialect), count: rooms * readers)
        lastHeard = Array(repeating: 0, count: rooms * readers)
        super.init(options)
    }

    override func begin() {
        connect(
            rooms.count * readers,
            path: { [self] in path(rooms[$0 / readers].name, user: "bench-\($0)") },
            each: { [self] number, socket in
                let room = number / readers
                if number % readers == 0 { rooms[room].publisher = socket }
                socket.onMessage = { [unowned self, unowned socket] in hear($0, number, socket) }
                guard let join = options.dialect.join(rooms[room].name, hearsPresence: false) else {
                    return joinedOne()
                }
                socket.send(join)
            })
    }

    private func hear(_ frame: UnsafeRawBufferPointer, _ reader: Int, _ socket: BenchSocket) {
        let before = deliveries
        guard !options.dialect.isReceipt(frame) else { return }
        finders[reader].find(frame) { heard($0, reader) }
        if deliveries != before { return refill(reader / readers) }
        if joined < rooms.count * readers, options.dialect.isJoined(frame) { joinedOne() }
        if let reason = options.dialect.refusal(frame) {
            fail(BenchError("the server refused: \(reason) (start Roost with --rate-limit-messages 0)"))
        }
        if let answer = options.dialect.answer(frame) { socket.send(answer) }
    }

    private func heard(_ number: UInt64, _ reader: Int) {
        if number != lastHeard[reader] + 1 { misordered += 1 }
        lastHeard[reader] = number
        deliveries += 1
        let room = reader / readers
        rooms[room].deliveries += 1
        latencies.record(UInt64(max(1, BenchLoop.nanoseconds - rooms[room].sentAt[Int(number & 4095)])))
    }

    private func joinedOne() {
        joined += 1
        guard joined == rooms.count * readers else { return }
        options.progress("\(joined) readers joined; warming up")
        if let rate = options.rate {
            pacer = Pacer(rate: rate, from: BenchLoop.nanoseconds)
            loop.onRound = { [unowned self] in publishWhatIsDue() }
        } else {
            for room in rooms.indices { refill(room) }
        }
        after(1) { [self] in
            latencies.reset()
            countedFrom = deliveries
            meter = Meter(pid: options.pid)
            measure({ [self] _ in "\(deliveries - countedFrom) deliveries" }, end: { [self] in stop() })
        }
    }

    // MARK: Publishing

    /// Publishes as long as fewer than `inFlight` publications are not yet with every reader.
    private func refill(_ room: Int) {
        guard options.rate == nil, !hasStopped, joined == rooms.count * readers else { return }
        while rooms[room].published < rooms[room].deliveries / UInt64(readers) + UInt64(options.inFlight) {
            publish(room, at: BenchLoop.nanoseconds)
        }
    }

    private func publishWhatIsDue() -> Int64? {
        guard !hasStopped else { return nil }
        while let planned = pacer?.due(at: BenchLoop.nanoseconds) {
            publish(nextRoom, at: planned)
            nextRoom = (nextRoom + 1) % rooms.count
        }
        return pacer?.next
    }

    private func publish(_ room: Int, at time: Int64) {
        rooms[room].published += 1
        let number = rooms[room].published
        rooms[room].sentAt[Int(number & 4095)] = time
        let frame = rooms[room].publication.numbered(number)
        rooms[room].publisher?.send(frame)
    }

    // MARK: The end

    private func stop() {
        hasStopped = true
        guard let meter else { return }
        let count = deliveries - countedFrom
        let load = options.rate.map { "\($0) publications/s" } ?? "\(options.inFlight) in flight"
        var report = Report("fanout: \(rooms.count) × \(readers) readers, \(options.size) B, \(load)")
        report.add("deliveries/s", Double(count) / meter.seconds, "1/s")
        report.add("publications/s", Double(count) / Double(readers) / meter.seconds, "1/s")
        meter.report(into: &report, per: "delivery", count: count, isPaced: options.rate != nil)
        report.add(latencies: latencies, "latency")
        pacer?.report(into: &report)
        let missing = { [self] in
            rooms.reduce(0) { $0 + Int($1.published) * readers - Int($1.deliveries) }
        }
        settle(
            missing: missing,
            then: { [self] lost in
                report.add("lost", Double(lost), "")
                report.add("doubled or out of order", Double(misordered), "")
                if lost > 0 { report.blame("lost: \(lost)") }
                if misordered > 0 { report.blame("doubled or out of order: \(misordered)") }
                finish(report)
            })
    }
}
