// What a client does of its own accord.
extension SimClient {
    /// One operation.
    func act() {
        let index = dice.int(0...(seats.count - 1))
        switch dice.int(0...99) {
        case 0..<60 where !plan.isSilent: say(dice.chance(0.6) ? 1 : dice.int(2...8), in: index)
        case 60..<67: hint(index)
        case 67..<80: comeOrGo(index)
        case 80..<84: if seats[index].isIn { join(index, forgetting: dice.chance(0.3)) }
        case 84..<90: askHistory(index)
        case 90..<94: askPresence(index)
        case 94..<97: ping()
        default: talkNonsense()
        }
    }

    private func comeOrGo(_ index: Int) {
        if seats[index].isWanted {
            seats[index].isWanted = false
            if seats[index].isIn || seats[index].joins > 0 { leave(index) }
            if dice.chance(0.5) { seats[index].hasPosition = false }
        } else {
            seats[index].isWanted = true
            join(index)
        }
    }

    /// Trouble is over: whoever is in no room enters one, so that everybody reads.
    func settleDown() {
        if !seats.contains(where: \.isWanted) { comeOrGo(0) }
    }

    /// Goes away for good.
    func goHome() {
        isLeaving = true
        link?.end(.closed)
    }
}
