import RoostClient
import RoostCore

// What the application does of its own accord, and how it must be in the end.
extension SDKClient {
    func act() {
        let index = dice.int(0...(seats.count - 1))
        switch dice.int(0...99) {
        case 0..<55 where !plan.isSilent: say(dice.chance(0.6) ? 1 : dice.int(2...8), in: index)
        case 55..<60: handle(.typing(room: seats[index].room.text, isActive: dice.chance(0.7)))
        case 60..<65: mark(index)
        case 65..<77: comeOrGo(index)
        case 77..<84: askHistory(index)
        case 84..<88: ask(.presence(index))
        case 88..<91:
            handle(.network(isUp: false))
            stage.scheduler.after(dice.time(.ms(10) ... .ms(1500))) { [self] in handle(.network(isUp: true)) }
        case 91..<93: handle(.visible)
        case 93..<97: restart()
        default: rest()
        }
    }

    private func mark(_ index: Int) {
        let seq = UInt64(dice.int(1...20))
        handle(.mark(dice.chance(0.5) ? .read : .received, room: seats[index].room.text, seq: seq))
    }

    private func comeOrGo(_ index: Int) { if seats[index].isWanted { leave(index) } else { join(index) } }

    private func askHistory(_ index: Int) {
        let limit = dice.int(1...50)
        let place = UInt64(dice.int(0...30))
        switch dice.int(0...2) {
        case 0: ask(.history(index, after: place, before: nil, limit: limit))
        case 1: ask(.history(index, after: nil, before: min(place, seats[index].cursor ?? 0) + 1, limit: limit))
        default: ask(.history(index, after: nil, before: nil, limit: limit))
        }
    }

    func settleDown() {
        comeBack()
        handle(.network(isUp: true))
        if !seats.contains(where: \.isWanted) { join(0) }
    }

    func unsettled() -> (Violation.Rule, String, [String])? {
        guard isConnected, let link, !link.isDead else { return (.finishes, "\(name) is not connected", [name]) }
        if let tag = asked.keys.min() { return (.answered, "\(name)'s question \(tag) has no answer", [name]) }
        if let (id, index) = unsettledMessages.min(by: { $0.key < $1.key }) {
            return (.answered, "\(id) was neither sent nor did it fail, in \(seats[index].room)", [name, id])
        }
        for seat in seats where seat.isWanted {
            guard seat.isIn else { return (.finishes, "\(name) is not in \(seat.room)", [name, seat.room.text]) }
            if stage.isOver(seat.room, seat.epoch) {
                return (.finishes, "\(name) is in \(seat.room), which was deleted", [name, seat.room.text])
            }
            guard let log = stage.ledger.current(seat.room) else { continue }
            let isHeard = seat.cursor.map { log.isHeard(upTo: $0, mayStartLater: seat.mayStartLater) } ?? false
            if seat.epoch != log.epoch.text || !isHeard {
                return (
                    .catchesUp,
                    "\(name) is at \(seat.epoch):\(seat.cursor ?? 0) of \(seat.room), which ends at \(log.epoch):\(log.head)",
                    [name, link.name, seat.room.text]
                )
            }
        }
        return nil
    }
}
