#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The load generator's one thread: many sockets, a few timers, and nothing between a readable socket and its frames.
///
/// It has to cost a fraction of the server that it loads, which an event loop made for servers does not: bytes are read
/// into one buffer that all sockets share, and are looked at there.
final class BenchLoop {
    /// What all sockets read into.
    let buffer: UnsafeMutableRawBufferPointer
    private let poller: any Poller
    /// By descriptor.
    private var sockets: [BenchSocket?] = []
    private var timers: [(at: Int64, number: UInt64, action: () -> Void)] = []
    private var lastTimer: UInt64 = 0
    private var dirty: [BenchSocket] = []
    private var isOver = false
    /// What is to be sent at its time; called at every look at the clock, it says when it wants to be called again.
    var onLook: ((_ now: Int64) -> Int64)?
    /// When the clock was last looked at: at most `readsPerLook` sockets have been read since.
    private(set) var now = BenchLoop.nanoseconds

    /// A look costs a fraction of a read, and what is due waits for no more than these.
    private static let readsPerLook = 4

    /// - Parameter capacity: bytes that are read at a time, and the longest frame that can be taken.
    init(poller: (any Poller)? = nil, capacity: Int = 1 << 20) {
        #if os(Linux)
        self.poller = poller ?? EPoller()
        #else
        self.poller = poller ?? PlainPoller()
        #endif
        buffer = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Monotonic time in nanoseconds.
    static var nanoseconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    // MARK: Sockets

    func add(_ socket: BenchSocket) {
        let place = Int(socket.descriptor)
        while sockets.count <= place { sockets.append(nil) }
        sockets[place] = socket
        poller.watch(socket.descriptor, forWriting: true)
    }

    func remove(_ socket: BenchSocket) {
        guard sockets[Int(socket.descriptor)] === socket else { return }
        sockets[Int(socket.descriptor)] = nil
        poller.forget(socket.descriptor)
    }

    func watch(_ socket: BenchSocket, forWriting: Bool) { poller.watch(socket.descriptor, forWriting: forWriting) }

    /// What the socket has to send goes out at the end of the round.
    func flushLater(_ socket: BenchSocket) { dirty.append(socket) }

    // MARK: Timers

    func after(seconds: Double, _ action: @escaping () -> Void) {
        lastTimer += 1
        timers.append((BenchLoop.nanoseconds + Int64(seconds * 1e9), lastTimer, action))
        timers.sort { ($0.at, $0.number) < ($1.at, $1.number) }
    }

    // MARK: Running

    func run() {
        while !isOver {
            let due = look()
            runTimers()
            flush()
            guard !isOver else { return }
            let next = min(due, timers.first?.at ?? .max)
            // Rounded down, so that what is due within the millisecond is waited for awake and comes in time.
            let wait = next == .max ? 100 : max(0, min(100, (next - now) / 1_000_000))
            var reads = 0
            poller.wait(milliseconds: Int32(wait)) { readiness in
                if reads % BenchLoop.readsPerLook == 0 { look() }
                reads += 1
                guard let socket = sockets[Int(readiness.descriptor)] else { return }
                if readiness.canWrite { socket.becameWritable() }
                if readiness.canRead { socket.becameReadable(into: buffer, hasEnded: readiness.hasEnded) }
            }
        }
    }

    /// Looks at the clock and sends what is due; returns when there is something again.
    @discardableResult
    private func look() -> Int64 {
        now = BenchLoop.nanoseconds
        guard let onLook else { return .max }
        let next = onLook(now)
        flush()
        return next
    }

    private func runTimers() {
        while let timer = timers.first, timer.at <= now {
            timers.removeFirst()
            timer.action()
        }
    }

    func stop() { isOver = true }

    private func flush() {
        while !dirty.isEmpty {
            let sockets = dirty
            dirty.removeAll(keepingCapacity: true)
            for socket in sockets { socket.flush() }
        }
    }
}
