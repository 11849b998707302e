public import RoostCore
public import RoostEngine

extension RedisBus {
    public func renew(_ card: NodeCard, forMs: Int64) async throws(BusError) -> Renewal {
        let keys = [keys.leases, keys.cards]
        let answer = try await together {
            [$0.call(.renew, keys: keys, [.text(card.node.text), .text(card.redisText), RespWord(forMs)])]
        }
        guard let parts = answer[0].items, parts.count == 2, let isNew = parts[0].number, let cards = parts[1].items
        else { throw .refused("Redis answered a lease with something else: \(answer[0])") }
        let living = stride(from: 0, to: cards.count - 1, by: 2).compactMap { index -> NodeCard? in
            guard let node = cards[index].string, case .bytes(let text) = cards[index + 1] else { return nil }
            return NodeCard(node: node, redisText: text)
        }
        return Renewal(nodes: living, isNew: isNew == 1)
    }

    public func release(_ node: NodeID) async throws(BusError) {
        let keys = [keys.leases, keys.cards]
        _ = try await together { [$0.call(.release, keys: keys, [.text(node.text)])] }
    }

    public func write(_ changes: [BoardChange], by node: NodeID) async throws(BusError) {
        let calls = changes.map { change -> (key: String, arguments: [RespWord]) in
            var (set, removed): ([RespWord], [RespWord]) = ([], [])
            for (user, row) in change.rows {
                if let row { set += [.text(user.text), .bytes(row)] } else { removed.append(.text(user.text)) }
            }
            let head: [RespWord] = [
                .text(node.text), RespWord(change.version), RespWord(change.isWhole ? 1 : 0), RespWord(set.count / 2),
            ]
            return (keys.board(change.board), head + set + removed)
        }
        _ = try await together { board in
            calls.map { board.call(.write, keys: [$0.key], $0.arguments) }
        }
    }

    public func read(_ boards: [BoardName]) async throws(BusError) -> [BoardPage] {
        let names = boards.map(keys.board)
        let answers = try await together { board in
            names.map { board.ask(RespCommand(["HGETALL", .text($0)]), key: $0) }
        }
        return answers.map { BoardField.page($0.items ?? []) }
    }

    public func clean(_ parts: [BoardPart]) async throws(BusError) {
        // One call for each board.
        let calls = Dictionary(grouping: parts, by: { keys.board($0.board) }).map { key, parts in
            (key: key, arguments: parts.flatMap { [RespWord.text($0.node.text), RespWord($0.version)] })
        }
        _ = try await together { board in
            calls.map { board.call(.clean, keys: [$0.key], $0.arguments) }
        }
    }

    public func keep(_ parts: [BoardPart]) async throws(BusError) -> [Bool] {
        let calls = parts.map { (key: keys.board($0.board), part: $0) }
        let answers = try await together { board in
            calls.map { board.call(.keep, keys: [$0.key], [.text($0.part.node.text), RespWord($0.part.version)]) }
        }
        return answers.map { $0.number == 1 }
    }
}
