import Foundation
import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// A store's time and chance: pauses take no time and move the clock on.
final class VirtualWorld: Sendable {
    private let state: Locked<(now: Int64, seed: UInt64, pauses: [Int64])>
    /// Of a request, in real milliseconds.
    private let timeoutMs: Int64

    init(seed: UInt64, timeoutMs: Int64 = 60_000) {
        state = Locked((0, seed, []))
        self.timeoutMs = timeoutMs
    }

    func advance(_ milliseconds: Int64) { state.withLock { $0.now += milliseconds } }

    /// What was paused, each in milliseconds, since the world was made or chance began anew.
    var pauses: [Int64] { state.withLock { $0.pauses } }

    /// Chance begins anew: how often a store has drawn before does not matter any more.
    func restart(seed: UInt64) {
        state.withLock { state in
            state.seed = seed
            state.pauses = []
        }
    }

    /// SplitMix64.
    func next() -> UInt64 {
        state.withLock { state in
            state.seed &+= 0x9E37_79B9_7F4A_7C15
            var z = state.seed
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    var world: StoreWorld {
        StoreWorld(
            monotonic: { Moment(milliseconds: self.state.withLock { $0.now }) }, random: { self.next() },
            pause: { milliseconds in
                self.advance(milliseconds)
                self.state.withLock { $0.pauses.append(milliseconds) }
                await Task.yield()
            }, timeoutMs: timeoutMs)
    }
}

/// Opens a store whose pauses take no time.
func open(
    _ place: DynamoDBPlace, _ world: VirtualWorld, options: StoreOptions = StoreOptions(), skewMs: Int64 = 0,
    environment: [String: String] = credentials
) async throws -> DynamoDBStore {
    try await DynamoDBStore.open(
        place, options: options, at: .start, environment: environment, readFile: { _ in throw CancellationError() },
        wall: { Timestamp(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1000)) }, world: world.world,
        skewMs: skewMs)
}

func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

func draft(_ id: String, to room: String = "general", from sender: String = "alice", bytes: Int = 20) throws -> Draft {
    Draft(
        room: try #require(RoomName(room)), sender: try #require(UserID(sender)), id: try #require(MessageID(id)),
        content: RawJSON(validated: Array("\"\(String(repeating: "x", count: bytes - 2))\"".utf8)))
}

/// A tombstone.
func draft(_ id: String, to room: String = "general", redacts seq: UInt64) throws -> Draft {
    var stone = try draft(id, to: room)
    (stone.kind, stone.content, stone.redacts) = (.deleted, .null, seq)
    return stone
}

/// A kind for all rooms.
func kinds(_ change: (inout RoomKind) -> Void) -> Kinds {
    var kind = RoomKind()
    change(&kind)
    return Kinds(usual: kind)
}

extension Store {
    func log(_ room: String = "general") async throws -> [Message] {
        let name = try #require(RoomName(room))
        return try #require(try await read(name, after: 0, limit: .max, maxBytes: .max)).messages
    }
}

extension Verdict {
    var seq: UInt64? { if case .stored(let seq, _, _) = self { seq } else { nil } }
    var isDuplicate: Bool { if case .stored(_, _, duplicate: true) = self { true } else { false } }
    var code: ErrorCode? { if case .rejected(let failure) = self { failure.code } else { nil } }
}

/// The error that `body` throws, if it does.
func failure<T>(_ body: () async throws(StoreError) -> T) async -> StoreError? {
    do throws(StoreError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
