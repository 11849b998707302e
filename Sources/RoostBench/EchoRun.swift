#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Frames that come back as they were sent.
final class EchoRun: LoadRun {
    private let clients: [Client]
    private let content: [UInt8]
    private let frame: OutgoingFrame
    private var damaged: UInt64 = 0

    private final class Client {
        var socket: BenchSocket?
        var sent: UInt64 = 0
        var heard: UInt64 = 0
        var times = SentTimes()
    }

    init(_ options: Bench.Options, connections: Int) {
        clients = (0..<connections).map { _ in Client() }
        content = Array(repeating: UInt8(ascii: "x"), count: options.size)
        frame = OutgoingFrame(.text, content)
        super.init(options, unit: "round trips")
    }

    override var one: String { "round trip" }

    override func begin() {
        let path = options.target.path.isEmpty ? "/echo" : options.target.path
        connect(
            clients.count, path: { _ in path },
            each: { [self] number, socket in
                let client = clients[number]
                client.socket = socket
                socket.onMessage = { [unowned(unsafe) self, unowned(unsafe) client] in hear($0, client) }
            },
            then: { [self] in start() })
    }

    override func fill() {
        for client in clients {
            for _ in 0..<options.inFlight { send(client) }
        }
    }

    private func send(_ client: Client) {
        client.sent += 1
        if client.times.isFull(for: client.sent) {
            client.times.makeRoom(for: client.sent, oldest: client.heard + 1)
        }
        client.times.note(client.sent, at: loop.now)
        client.socket?.send(frame)
    }

    private func hear(_ payload: UnsafeRawBufferPointer, _ client: Client) {
        // Nothing is under way that this could answer.
        guard client.heard < client.sent else {
            damaged += 1
            return
        }
        if !isWhole(payload) { damaged += 1 }
        client.heard += 1
        done += 1
        enter(loop.now - client.times[client.heard])
        if !hasStopped { send(client) }
    }

    private func isWhole(_ payload: UnsafeRawBufferPointer) -> Bool {
        guard payload.count == content.count, let base = payload.baseAddress else { return false }
        return content.withUnsafeBytes { $0.baseAddress.map { memcmp($0, base, content.count) == 0 } ?? false }
    }

    override func report(_ count: UInt64, seconds: Double) -> Report {
        var report = Report(
            "echo: \(clients.count) connections, \(options.size) B, \(options.inFlight) in flight each")
        report.add("round trips/s", Double(count) / seconds, "1/s")
        return report
    }

    override var missing: Int { clients.reduce(0) { $0 + Int($1.sent) - Int($1.heard) } }

    override func judge(_ missing: Int, _ report: inout Report) {
        report.add("lost", Double(missing), "")
        if missing > 0 { report.blame("lost: \(missing)") }
        if damaged > 0 { report.blame("came back otherwise: \(damaged)") }
    }
}
