import NIOCore
import RoostCore
import RoostEngine

/// A command for the server that has its key, and what becomes of the answer.
struct Errand {
    var command: RespCommand
    let slot: Slot
    /// The command with the script's text, for a server that does not know it.
    var whole: RespCommand?
    let until: Moment
    private var turns = 16
    let completion: CommandLink.Completion

    init(_ command: RespCommand, key: String, completion: @escaping CommandLink.Completion) {
        self.command = command
        slot = Slot(of: key)
        until = .now + CommandLink.answerMs
        self.completion = completion
    }

    /// A call of a script; the first key says where.
    init(
        _ script: Script, keys: [String], _ arguments: [RespWord], completion: @escaping CommandLink.Completion
    ) {
        let rest = [RespWord(keys.count)] + keys.map { .text($0) } + arguments
        self.init(RespCommand(["EVALSHA", .text(script.sha)] + rest), key: keys[0], completion: completion)
        whole = RespCommand(["EVAL", .text(script.text)] + rest)
    }

    /// Whether it may be sent once more, by the clock and the number of times it was.
    var mayGoOn: Bool {
        mutating get {
            turns -= 1
            return turns > 0 && Moment.now < until
        }
    }
}

extension Switchboard {
    /// Does an errand where its slot is, and follows it where it is sent.
    func run(_ errand: Errand) {
        guard !isStopped else { return errand.completion(.failure(.stopped)) }
        guard let map else { return waiting.append(errand) }
        guard let owner = isSharded ? map[errand.slot] : map[Slot(number: 0)] else {
            lookSoon()
            return errand.completion(
                .failure(
                    .away("No server of the cluster has slot \(errand.slot.number): see `redis-cli --cluster check`")))
        }
        run(errand, at: owner)
    }

    private func run(_ errand: Errand, at endpoint: RedisEndpoint, isAsking: Bool = false) {
        let node = node(at: endpoint)
        node.commands.send(errand.command, isAsking: isAsking) { [weak self, weak node] result in
            guard let self, let node, case .success(.error(let text)) = result else {
                return errand.completion(result)
            }
            take(text, errand, from: node)
        }
    }

    private func take(_ error: String, _ errand: Errand, from node: Node) {
        var errand = errand
        if let redirect = Redirect(error, asked: node.peer.endpoint), errand.mayGoOn {
            follow(redirect)
            return run(errand, at: redirect.endpoint, isAsking: redirect.kind == .ask)
        }
        if error.hasPrefix("NOSCRIPT"), let whole = errand.whole {
            errand.command = whole
            errand.whole = nil
            return run(errand)
        }
        if error.hasPrefix("TRYAGAIN") || error.hasPrefix("CLUSTERDOWN"), errand.mayGoOn {
            lookSoon()
            let bound = NIOLoopBound((self, errand), eventLoop: loop)
            loop.scheduleTask(in: Switchboard.tick) { bound.value.0.run(bound.value.1) }
            return
        }
        let refusal = node.peer.refusal(error)
        if refusal == node.peer.readOnly { giveUp(node, refusal) }
        errand.completion(.failure(refusal))
    }

    func fail(_ error: BusError) {
        let errands = waiting
        waiting = []
        for errand in errands { errand.completion(.failure(error)) }
    }
}
