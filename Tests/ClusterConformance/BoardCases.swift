import RoostCore
import RoostEngine

extension ClusterCase {
    static let boards: [ClusterCase] = [
        ClusterCase("boards have what each node wrote, at its version") { nodes in
            let (a, b) = (BoardName.members(try room("a")), BoardName.members(try room("b")))
            let (alice, bob) = (try user("alice"), try user("bob/ü {x}"))
            try await nodes.withNode { one in
                try await nodes.withNode { two in
                    try await one.cluster.write(
                        [
                            BoardChange(a, version: 1, rows: [alice: [1, 0, 13, 10], bob: []]),
                            BoardChange(b, version: 7, rows: [bob: [3]]),
                        ], by: node(1))
                    try await two.cluster.write([BoardChange(a, version: 4, rows: [alice: [9]])], by: node(2))
                    let empty = BoardName.members(try room("empty"))
                    let pages = try await two.cluster.read([b, a, empty, a])
                    let page = BoardPage(parts: [
                        node(1): .init(version: 1, rows: [alice: [1, 0, 13, 10], bob: []]),
                        node(2): .init(version: 4, rows: [alice: [9]]),
                    ])
                    let other = BoardPage(parts: [node(1): .init(version: 7, rows: [bob: [3]])])
                    try expect(pages, is: [other, page, BoardPage(), page])
                    try expect(try await one.cluster.read([]), is: [])
                }
            }
        },
        ClusterCase("rows are replaced and removed, and the version goes on") { nodes in
            let board = BoardName.connections(try user("alice"))
            let (x, y) = (try user("x"), try user("y"))
            try await nodes.withNode { one in
                try await one.cluster.write([BoardChange(board, version: 1, rows: [x: [1], y: [2]])], by: node(1))
                try await one.cluster.write([BoardChange(board, version: 2, rows: [x: nil, y: [3]])], by: node(1))
                let left = BoardPage(parts: [node(1): .init(version: 2, rows: [y: [3]])])
                try expect(try await one.cluster.read([board]), is: [left])
                try await one.cluster.write(
                    [
                        BoardChange(board, version: 3, rows: [y: nil]),
                        BoardChange(board, version: 4, rows: [x: [4]]),
                        BoardChange(board, version: 5, rows: [x: nil]),
                    ], by: node(1))
                try expect(try await one.cluster.read([board]), is: [BoardPage(parts: [node(1): .init(version: 5)])])
            }
        },
        ClusterCase("boards of rooms and of users are apart, however they are called") { nodes in
            let (a, b) = (BoardName.members(try room("alice")), BoardName.connections(try user("alice")))
            try await nodes.withNode { one in
                let alice = try user("alice")
                try await one.cluster.write([BoardChange(a, version: 1, rows: [alice: [1]])], by: node(1))
                try expect(try await one.cluster.read([b]), is: [BoardPage()])
            }
        },
        ClusterCase("five hundred rows on each of twenty boards are read as they were written") { nodes in
            let boards = try (0..<20).map { BoardName.members(try room("r\($0)")) }
            let rows = Dictionary(uniqueKeysWithValues: try (0..<500).map { (try user("u\($0)"), [UInt8]?([7])) })
            try await nodes.withNode { one in
                try await one.cluster.write(boards.map { BoardChange($0, version: 1, rows: rows) }, by: node(1))
                let pages = try await one.cluster.read(boards)
                try expect(pages.map { $0.parts[node(1)]?.rows.count ?? 0 }, is: Array(repeating: 500, count: 20))
            }
        },
        ClusterCase("a change that is all there is takes the place of what was there, of its node only") { nodes in
            let board = BoardName.members(try room("a"))
            let (x, y, odd) = (try user("x"), try user("y"), try user("1/x"))
            try await nodes.withNode { one in
                for number: UInt64 in [1, 12] {
                    try await one.cluster.write(
                        [BoardChange(board, version: 1, rows: [x: [1], y: [2], odd: [3]])], by: node(number))
                }
                try await one.cluster.write(
                    [BoardChange(board, version: 2, rows: [y: [9]], isWhole: true)], by: node(1))
                let page = BoardPage(parts: [
                    node(1): .init(version: 2, rows: [y: [9]]),
                    node(12): .init(version: 1, rows: [x: [1], y: [2], odd: [3]]),
                ])
                try expect(try await one.cluster.read([board]), is: [page])
                try await one.cluster.write([BoardChange(board, version: 3, rows: [:], isWhole: true)], by: node(1))
                try expect(try await one.cluster.read([board])[0].parts[node(1)], is: .init(version: 3))
            }
        },
        ClusterCase("cleaning removes what nodes wrote, except where they have written since") { nodes in
            let board = BoardName.members(try room("a"))
            let alice = try user("alice")
            func part(_ number: UInt64, _ version: UInt64) -> BoardPart {
                BoardPart(board, of: node(number), version: version)
            }
            try await nodes.withNode { one in
                for number: UInt64 in 1...3 {
                    try await one.cluster.write(
                        [BoardChange(board, version: number, rows: [alice: [1]])], by: node(number))
                }
                // One of them has said all anew since somebody took it for dead.
                try await one.cluster.clean([part(1, 1), part(3, 2)])
                let page = try await one.cluster.read([board])[0]
                try expect(page.parts.keys.sorted(), is: [node(2), node(3)].sorted())
                try expect(page.parts[node(3)]?.rows, is: [alice: [1]])
                try await one.cluster.clean([])
                try await one.cluster.clean([part(2, 9), BoardPart(.connections(alice), of: node(3), version: 9)])
                try expect(try await one.cluster.read([board])[0].parts.keys.sorted(), is: [node(3)])
                // Who was cleaned away begins again at any version.
                try await one.cluster.write([BoardChange(board, version: 1, rows: [alice: [5]])], by: node(2))
                try expect(try await one.cluster.read([board])[0].parts[node(2)]?.rows, is: [alice: [5]])
            }
        },
        ClusterCase("who keeps a board learns whether its part is still there as it was written") { nodes in
            let (a, b) = (BoardName.members(try room("a")), BoardName.connections(try user("alice")))
            let alice = try user("alice")
            try await nodes.withNode { one in
                try await one.cluster.write(
                    [BoardChange(a, version: 4, rows: [alice: [1]]), BoardChange(b, version: 5, rows: [alice: [1]])],
                    by: node(1))
                let parts = [
                    BoardPart(a, of: node(1), version: 4), BoardPart(b, of: node(1), version: 6),
                    BoardPart(b, of: node(2), version: 5), BoardPart(b, of: node(1), version: 5),
                ]
                try expect(try await one.cluster.keep(parts), is: [true, false, false, true])
                try expect(try await one.cluster.keep([]), is: [])
            }
        },
    ]

    static let leases: [ClusterCase] = [
        ClusterCase("leases tell who lives, with their cards") { nodes in
            let cards = [
                NodeCard(node: node(1), name: "eins:zwei 2", storeID: "s"),
                NodeCard(node: node(2), name: "", storeID: "12:3"),
            ]
            try await nodes.withNode { one in
                try await nodes.withNode { two in
                    let first = try await one.cluster.renew(cards[0], forMs: 60_000)
                    try expect(first, is: Renewal(nodes: [cards[0]], isNew: true))
                    let both = try await two.cluster.renew(cards[1], forMs: 60_000)
                    try expect(both.nodes.sorted { $0.node < $1.node }, is: cards.sorted { $0.node < $1.node })
                    try expect(try await one.cluster.renew(cards[0], forMs: 60_000).isNew, is: false)
                    try await one.cluster.release(node(1))
                    let alone = Renewal(nodes: [cards[1]], isNew: false)
                    try expect(try await two.cluster.renew(cards[1], forMs: 60_000), is: alone)
                    try await one.cluster.release(node(1))
                    try expect(try await one.cluster.renew(cards[0], forMs: 60_000).isNew, is: true)
                }
            }
        },
        ClusterCase("a lease that is not renewed lapses, one that is renewed does not") { nodes in
            let short = NodeCard(node: node(1), name: "short", storeID: "s")
            let long = NodeCard(node: node(2), name: "long", storeID: "s")
            try await nodes.withNode { one in
                let start = ContinuousClock.now
                _ = try await one.cluster.renew(short, forMs: 150)
                let both = try await one.cluster.renew(long, forMs: 60_000)
                if ContinuousClock.now - start < .milliseconds(100) { try expect(both.nodes.count, is: 2) }
                try await eventually("it has lapsed") {
                    try await one.cluster.renew(long, forMs: 60_000).nodes == [long]
                }
                let again = try await one.cluster.renew(short, forMs: 60_000)
                try expect(again.nodes.count, is: 2)
                try expect(again.isNew, is: true)
            }
        },
    ]
}
