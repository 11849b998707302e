/// What all runs share: connecting many sockets a few at a time, and knowing when to stop.
class BenchRun<Outcome> {
    let options: Bench.Options
    let loop = BenchLoop()
    private(set) var sockets: [BenchSocket] = []
    private var address: Address?
    private var result: Result<Outcome, BenchError>?

    init(_ options: Bench.Options) { self.options = options }

    /// What the run does first.
    func begin() {}

    func run() throws -> Outcome {
        address = try Address(host: options.target.host, port: options.target.port)
        begin()
        loop.run()
        for socket in sockets { socket.close() }
        guard let result else { throw BenchError("the benchmark ended without a result") }
        return try result.get()
    }

    func fail(_ error: BenchError) {
        guard result == nil else { return }
        result = .failure(error)
        loop.stop()
    }

    func finish(_ outcome: Outcome) {
        guard result == nil else { return }
        result = .success(outcome)
        loop.stop()
    }

    var isOver: Bool { result != nil }

    /// Connects one socket; `open` is called when the server has upgraded. Nil, and the run has failed, if that can't
    /// even be begun.
    @discardableResult
    func connect(path: String, subprotocol: String?, open: @escaping (BenchSocket) -> Void) -> BenchSocket? {
        guard let address else { return nil }
        do {
            let socket = try BenchSocket(address, options.target, path: path, subprotocol: subprotocol, loop: loop)
            socket.onOpen = { [unowned socket] in open(socket) }
            socket.onClose = { [unowned self] reason in fail(BenchError("a connection was closed: \(reason)")) }
            return socket
        } catch let error as BenchError {
            fail(error)
        } catch {
            fail(BenchError("\(error)"))
        }
        return nil
    }

    /// Connects `count` sockets, so many at a time; `each` is called when one is open, `then` when all are.
    func connect(
        _ count: Int, atOnce: Int = 32, path: @escaping (Int) -> String, each: @escaping (Int, BenchSocket) -> Void,
        then: @escaping () -> Void = {}
    ) {
        var (next, open) = (0, 0)
        func one() {
            guard next < count, !isOver else { return }
            let number = next
            next += 1
            let socket = connect(path: path(number), subprotocol: options.dialect.subprotocol) { socket in
                each(number, socket)
                open += 1
                if open == count { then() } else { one() }
            }
            if let socket { sockets.append(socket) }
        }
        for _ in 0..<min(atOnce, count) { one() }
    }

    /// As the room's dialect wants it.
    func path(_ room: String, user: String) -> String {
        options.dialect.path(options.target, room: room, user: user)
    }

    func after(_ seconds: Double, _ action: @escaping () -> Void) { loop.after(seconds: seconds, action) }

    /// Waits a few seconds at most until nothing is missing any more, and says how much is.
    func settle(missing: @escaping () -> Int, then: @escaping (Int) -> Void, patience: Int = 100) {
        let left = missing()
        guard left > 0, patience > 0 else { return then(left) }
        after(0.05) { [self] in settle(missing: missing, then: then, patience: patience - 1) }
    }

    /// Content of the wanted size.
    var filler: String { String(repeating: "x", count: max(0, options.size - 2)) }
}
