import NIOCore
import NIOPosix
import NIOSSL
import RoostCore
import RoostEngine
import RoostRedis
import Testing

/// A bus, and what it has told.
final class BusProbe: Sendable {
    let bus: RedisBus
    private let heard = Locked<[BusEvent]>([])

    init(_ address: RedisAddress, tls: TLSConfiguration = .makeClientConfiguration()) throws {
        bus = try RedisBus(address, on: MultiThreadedEventLoopGroup.singleton.next(), tls: tls)
    }

    /// Runs `body` with a bus that has been started, and stops it.
    static func with<Result>(
        _ address: RedisAddress, tls: TLSConfiguration = .makeClientConfiguration(),
        _ body: (BusProbe) async throws -> Result
    ) async throws -> Result {
        let probe = try BusProbe(address, tls: tls)
        probe.start()
        do {
            let result = try await body(probe)
            await probe.bus.stop()
            return result
        } catch {
            await probe.bus.stop()
            throw error
        }
    }

    func start() { bus.start { [heard] event in heard.withLock { $0.append(event) } } }

    var events: [BusEvent] { heard.withLock { $0 } }

    var losses: [String] { events.compactMap { if case .lost(let reason) = $0 { reason } else { nil } } }

    func timesInForce(_ channel: BusChannel) -> Int {
        events.count { if case .inForce(let channels) = $0 { channels.contains(channel) } else { false } }
    }

    func texts(_ channel: BusChannel) -> [String] {
        events.flatMap { if case .posts(let posts) = $0 { posts } else { [BusPost]() } }
            .filter { $0.channel == channel }.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    func publish(_ text: String, to channel: BusChannel = .everyone) {
        bus.publish([BusPost(channel, Array(text.utf8))])
    }

    /// Begins to listen, and waits until that is in force.
    func listen(_ channels: [BusChannel] = [.everyone]) async throws {
        bus.listen(to: channels)
        try await eventually("listening is in force") { channels.allSatisfy { self.timesInForce($0) > 0 } }
    }

    /// Waits until the bus is back, and says that all it listens to is in force again, `times` in all.
    func isBack(_ channel: BusChannel = .everyone, times: Int) async throws {
        try await eventually("the bus is back") { self.bus.isConnected && self.timesInForce(channel) >= times }
    }

    /// A post goes round.
    func goesRound(_ text: String, on channel: BusChannel = .everyone) async throws {
        publish(text, to: channel)
        try await eventually("\(text.prefix(40)) goes round") { self.texts(channel).contains(text) }
    }
}

/// What an error said; nil: nothing was thrown.
func failure<T>(of body: () async throws(BusError) -> T) async -> BusError? {
    do throws(BusError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

func channel(_ name: String) throws -> BusChannel { .room(try #require(RoomName(name))) }
