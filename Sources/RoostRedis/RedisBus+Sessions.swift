public import RoostCore
public import RoostEngine

extension RedisBus {
    public func visit(_ session: String, begins: Bool, idleMs: Int64) async throws(BusError) -> SessionState? {
        let key = keys.session(session)
        let answer = try await together { [$0.call(.visit, keys: [key], [RespWord(idleMs), begins ? "1" : "0"])] }
        guard let items = answer[0].items else { return nil }
        guard let visits = items.first?.number, visits > 0 else {
            throw .refused("Redis answered a visit with something else: \(answer[0])")
        }
        return SessionState(visits: UInt64(visits), lastRoom: items.last?.string.flatMap { RoomName($0) })
    }

    public func note(room: RoomName, of session: String) async throws(BusError) {
        let key = keys.session(session)
        _ = try await together { [$0.call(.note, keys: [key], [.text(room.text)])] }
    }

    public func take(_ want: Int, from bucket: String, rate: Int, burst: Int) async throws(BusError) -> Int {
        let key = keys.quota(bucket)
        let answer = try await together {
            [$0.call(.take, keys: [key], [RespWord(want), RespWord(rate), RespWord(burst)])]
        }
        return Int(answer[0].number ?? 0)
    }
}
