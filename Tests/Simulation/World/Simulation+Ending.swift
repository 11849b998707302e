import RoostCore
import RoostEngine
import RoostHub

// When nothing goes wrong any more.
extension Simulation {
    /// How long everything may take to come right, in milliseconds.
    private static let patience: Int64 = 90_000

    func comeRight() {
        guard !stage.referee.isOver else { return }
        stage.trace.note("world", "nothing goes wrong from now on")
        stage.isCalm = true
        stage.isStoreOut = false
        for node in nodes { node.store?.isCutOff = false }
        redis?.comeBack()
        for client in clients {
            client.link?.stall(false)
            client.settleDown()
        }
        // A node that was not told looks whether its rooms are still there: every two seconds, or, of several, in turn.
        if stage.deletesRooms { advance(by: .ms(redis == nil ? 3000 : 5000 + 2000 * Int64(stage.shape.sweepsPerLook))) }
        let deadline = stage.now + .ms(Simulation.patience)
        while !stage.referee.isOver {
            for node in nodes where node.isDown { node.start() }
            guard let (rule, text, concerns) = unsettled() else { break }
            if stage.now > deadline { return stage.referee.blow(rule, text, concerns) }
            advance(by: .ms(250))
        }
        probe()
        rest()
        compareWithStore()
    }

    /// Where nobody comes or goes any more, nobody is told that somebody does.
    private func rest() {
        guard !stage.referee.isOver else { return }
        // A node that stood still reads what was said by clients that are gone, and only their silence tells it so.
        let deadline = stage.now + .ms(Simulation.patience)
        advance(by: .ms(Simulation.patience)) { !nodes.contains(where: \.holdsGhosts) }
        // What could not be told while the bus failed is told a second later; ghosts are seen to leave, and to type.
        advance(by: .ms(3000))
        while !stage.referee.isOver, let (rule, text, concerns) = presenceProblem() {
            if stage.now > deadline { return stage.referee.blow(rule, "at rest: " + text, concerns) }
            advance(by: .ms(250))
        }
        guard !stage.referee.isOver else { return }
        // What the nodes know is on its way to their clients.
        advance(by: .ms(1000))
        let before = clients.map { ($0.link?.name, $0.link?.presenceNews ?? 0) }
        advance(by: .ms(10_000))
        for (client, (link, count)) in zip(clients, before) where client.link?.name == link {
            guard let now = client.link?.presenceNews, now > count else { continue }
            return stage.referee.blow(
                .presence, "\(client.name) was told \(now - count) times that somebody came or went, though nobody did",
                [client.name])
        }
    }

    /// The first thing that is not as it must be in the end; nil if all is well.
    private func unsettled() -> (Violation.Rule, String, [String])? {
        for node in nodes where !node.isUp { return (.finishes, "\(node.name) is not up", [node.name]) }
        for node in nodes where node.isFrozen { return (.finishes, "\(node.name) stands still", [node.name]) }
        for node in nodes where node.bus?.isConnected == false {
            return (.finishes, "\(node.name) does not find the bus", [node.name])
        }
        // What a node that is gone has appended is heard when its lease has ended.
        if stage.appendsUnderWay > 0 { return (.finishes, "an append does not end", []) }
        for client in clients {
            if let problem = client.unsettled() { return problem }
        }
        for client in clients {
            if let link = client.link, !link.isDead, let problem = stage.ownTalk.missing(on: link) {
                return (.catchesUp, problem, [link.name, client.name, client.user.text])
            }
        }
        return presenceProblem()
    }

    private func presenceProblem() -> (Violation.Rule, String, [String])? {
        for node in nodes {
            for (index, room) in rooms.enumerated() {
                let present = clients.filter { $0.link?.node === node && $0.isIn(index) }
                // A node knows of others' members where it has readers itself.
                if redis != nil, present.isEmpty { continue }
                let everybody = redis == nil ? present : clients.filter { $0.isIn(index) }
                let expected = Set(everybody.map(\.user.text))
                let shown = Set(node.hub?.members(room, isTold: false).members.map(\.user.text) ?? [])
                if shown != expected {
                    return (
                        .presence, "\(node.name) shows \(shown.sorted()) in \(room), where \(expected.sorted()) are",
                        [room.text]
                    )
                }
                for client in present {
                    let typists = client.typists(index)
                    if !typists.isEmpty {
                        return (
                            .presence, "\(client.name) still sees \(typists.sorted()) type in \(room)",
                            [client.name, room.text]
                        )
                    }
                    guard let view = client.members(index), view != expected else { continue }
                    return (
                        .presence, "\(client.name) sees \(view.sorted()) in \(room), where \(expected.sorted()) are",
                        [client.name, room.text]
                    )
                }
            }
        }
        return nil
    }

    /// Everybody is live again: what is said now is heard at once, not only when the node next looks at the store.
    private func probe() {
        guard !stage.referee.isOver, nodes.count == 1 || redis != nil else { return }
        // What is still on its way to clients that asked for much would be in the way, as would a read that takes long:
        // whoever wants the same piece of a log waits for it.
        advance(by: .ms(60_000)) {
            stage.troubledCalls == 0 && clients.allSatisfy { $0.link?.server?.isIdle ?? true }
                && nodes.allSatisfy { $0.bus?.isSettled ?? true }
        }
        // A refusal that came late, of a message that was heard before, holds its room up for the second that it names.
        advance(by: .ms(1500))
        // Where there is a limit on the rate, it must have something left: each node may have a burst to pay.
        let limits = stage.shape.limits
        if limits.rateMessages > 0 {
            advance(
                by: .ms(Int64(nodes.count * max(limits.rateBurst, limits.rateMessages) * 1000 / limits.rateMessages)))
        }
        for client in clients.filter({ !$0.isSilent }).prefix(2) {
            client.say(1, in: dice.int(0...(rooms.count - 1)))
        }
        let (latency, window) = (stage.shape.network.latency.upperBound, stage.shape.network.window)
        // Long messages take as many turns as the window has to be emptied; a character is up to two bytes.
        let turns = 2 * (2 * (2 * stage.shape.maxContent + 400) / window)
        advance(by: .ms(200) + Int64(8 + turns) * latency)
        for client in clients {
            guard let (rule, text, concerns) = client.unsettled() else { continue }
            return stage.referee.blow(rule, "not live: " + text, concerns)
        }
    }

    /// What the store has is what it was seen to take: nothing acked is lost, whatever happened to the nodes.
    private func compareWithStore() {
        guard !stage.referee.isOver, let store = nodes.first?.hub?.store else { return }
        let (stage, rooms) = (stage, rooms)
        ask { () async throws(StoreError) in
            for room in rooms {
                guard let page = try await store.read(room, after: 0, limit: .max, maxBytes: .max) else { continue }
                let log = stage.ledger.log(room, page.head.epoch.text)
                // Nodes may learn a moment later of what another one has dropped.
                let floor = stage.shape.usesDynamoDB ? min(log?.floor ?? 0, page.head.floor) : log?.floor ?? 0
                let kept = (log?.messages ?? []).dropFirst(Int(floor))
                if !page.messages.elementsEqual(kept) {
                    stage.referee.blow(
                        .ackedIsKept,
                        "the store has \(page.messages.count) messages of \(room), not the \(kept.count) it is to keep",
                        [room.text])
                }
            }
        }
    }

    /// Runs until a question is answered.
    private func ask(_ question: @escaping @Sendable () async throws(StoreError) -> Void) {
        let stage = stage
        let answer = Answer()
        stage.executor.task {
            do throws(StoreError) {
                try await question()
            } catch {
                stage.referee.blow(.finishes, "the store fails in the end: \(error)")
            }
            answer.isThere = true
        }
        advance(by: .ms(60_000)) { answer.isThere }
        if !answer.isThere { stage.referee.blow(.finishes, "a question was not answered in the end") }
    }

    private final class Answer: @unchecked Sendable {
        var isThere = false
        var text: String?
    }

    // MARK: The end

    /// Everybody goes home; nothing may be left on the nodes, and they must come to rest.
    func goHome() {
        guard !stage.referee.isOver else { return end() }
        for client in clients { client.goHome() }
        for node in nodes { checkNothingIsLeft(on: node) }
        for node in nodes where !stage.referee.isOver {
            let answer = Answer()
            node.drain { answer.isThere = true }
            advance(by: .ms(20_000)) { answer.isThere }
            if !answer.isThere { stage.referee.blow(.finishes, "\(node.name) does not come to rest") }
        }
        end()
    }

    private func checkNothingIsLeft(on node: SimNode) {
        let limits = stage.shape.limits
        // Who vanished without a word is found out by the heartbeat: late, where bytes were waiting for it.
        let deadline = stage.now + .ms(3 * limits.heartbeatMs + 2 * limits.heartbeatTimeoutMs + 3000)
        while !stage.referee.isOver, let what = whatIsLeft(on: node) {
            if stage.now > deadline {
                return stage.referee.blow(.memory, "\(node.name) still has \(what)", [node.name])
            }
            advance(by: .ms(500))
        }
    }

    private func whatIsLeft(on node: SimNode) -> String? {
        guard let hub = node.hub else { return nil }
        for room in rooms where hub.members(room, isTold: false).count != 0 { return "somebody in \(room)" }
        let left = Answer()
        ask { () async throws(StoreError) in
            let counters = await hub.counters()
            let clients = await hub.clients(limit: 10)
            if counters.rooms != 0 { left.text = "\(counters.rooms) rooms" }
            if !clients.isEmpty { left.text = "the clients \(clients)" }
        }
        return left.text
    }

    /// Lets go of everything, whatever state it is in.
    private func end() {
        for node in nodes { node.crash() }
        // Tasks that wait for a store that is gone end with an error.
        stage.scheduler.run(until: stage.now + .ms(10_000))
        stage.scheduler.clear()
    }
}

extension SimClient {
    /// What is not yet as it must be when all is quiet.
    func unsettled() -> (Violation.Rule, String, [String])? {
        guard isOpen, let link, !link.isDead else { return (.finishes, "\(name) is not connected", [name]) }
        if let (id, waiting) = pending.min(by: { $0.key < $1.key }) {
            return (.answered, "\(name)'s \(id) (\(waiting.request)) has no answer", [name])
        }
        if let message = outgoing.first {
            return (.answered, "\(message.id) was not acked, in \(seats[message.seat].room)", [name, message.id])
        }
        for seat in seats {
            if seat.isIn != seat.isWanted {
                return (.finishes, "\(name) \(seat.isIn ? "is" : "is not") in \(seat.room)", [name, seat.room.text])
            }
            if seat.isIn, stage.isOver(seat.room, seat.epoch) {
                return (.finishes, "\(name) is in \(seat.room), which was deleted", [name, seat.room.text])
            }
            guard seat.isIn, let log = stage.ledger.current(seat.room) else { continue }
            let isHeard = log.isHeard(upTo: seat.cursor, mayStartLater: seat.mayStartLater)
            if seat.epoch != log.epoch.text || !isHeard {
                return (
                    .catchesUp,
                    "\(name) is at \(seat.epoch):\(seat.cursor) of \(seat.room), which ends at \(log.epoch):\(log.head)",
                    [name, link.name, seat.room.text]
                )
            }
        }
        return nil
    }
}
