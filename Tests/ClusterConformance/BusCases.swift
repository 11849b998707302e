import RoostCore
import RoostEngine

extension ClusterCase {
    static let posts: [ClusterCase] = [
        ClusterCase("a post reaches every node that listens, its author too, and nobody else") { nodes in
            let (a, b) = (try channel("a"), try channel("b"))
            try await nodes.withNode(hearing: [a]) { one in
                try await nodes.withNode(hearing: [a, b]) { two in
                    try await nodes.withNode { three in
                        one.cluster.publish([BusPost(a, bytes("1")), BusPost(b, bytes("2")), BusPost(a, bytes("3"))])
                        for node in [one, two] {
                            try await eventually("both are heard") { node.posts(a).count == 2 }
                            try expect(node.posts(a), is: [bytes("1"), bytes("3")])
                        }
                        try await eventually("the other is heard") { two.posts(b) == [bytes("2")] }
                        try await three.settle("end")
                        try expect(one.posts(b), is: [])
                        try expect(three.posts(a) + three.posts(b), is: [])
                    }
                }
            }
        },
        ClusterCase("posts to everyone reach everyone") { nodes in
            try await nodes.withNode { one in
                try await nodes.withNode { two in
                    one.cluster.publish([BusPost(.everyone, bytes("hello"))])
                    for node in [one, two] {
                        try await eventually("it is heard") { node.posts(.everyone) == [bytes("hello")] }
                    }
                }
            }
        },
        ClusterCase("bytes come as they are: none, all values, a megabyte") { nodes in
            let a = try channel("Room_1.x:y-z")
            let texts = [[], Array(0...255), bytes("\r\n$5\r\n*1\r\n"), (0..<1_000_000).map { UInt8($0 & 255) }]
            try await nodes.withNode(hearing: [a]) { one in
                one.cluster.publish(texts.map { BusPost(a, $0) })
                try await eventually("all are heard") { one.posts(a).count == texts.count }
                try expect(one.posts(a) == texts, is: true)
            }
        },
        ClusterCase("ten thousand posts come, those of one node and channel in order") { nodes in
            let rooms = try (0..<10).map { try channel("r\($0)") }
            try await nodes.withNode(hearing: rooms) { one in
                try await nodes.withNode { two in
                    for batch in 0..<100 {
                        two.cluster.publish((0..<100).map { BusPost(rooms[$0 % 10], bytes("\(batch * 100 + $0)")) })
                    }
                    for (index, room) in rooms.enumerated() {
                        try await eventually("all of one room are heard") { one.posts(room).count == 1000 }
                        let expected = (0..<10_000).filter { $0 % 100 % 10 == index }.map { bytes("\($0)") }
                        try expect(one.posts(room) == expected, is: true)
                    }
                }
            }
        },
        ClusterCase("who is stopped hears nothing more and asks in vain") { nodes in
            try await nodes.withNode { one in
                let cluster = try await nodes.join()
                let two = ClusterNode(cluster)
                try await two.listen([.everyone])
                try await eventually("it is connected") { cluster.isConnected }
                await cluster.stop()
                try expect(cluster.isConnected, is: false)
                let before = two.events
                try await one.settle("after the end")
                try expect(two.events, is: before)
                do throws(BusError) {
                    _ = try await cluster.read([.members(.general)])
                    throw BusError.away("it answered")
                } catch {
                    try expect(error, is: .stopped)
                }
            }
        },
    ]

    static let listening: [ClusterCase] = [
        ClusterCase("a channel listened to twice is heard once") { nodes in
            let a = try channel("a")
            try await nodes.withNode(hearing: [a]) { one in
                one.cluster.listen(to: [a, a])
                try await one.listen([a])
                one.cluster.publish([BusPost(a, bytes("1"))])
                try await one.settle("behind it")
                try await eventually("it is heard") { !one.posts(a).isEmpty }
                try await one.settle("and behind that")
                try expect(one.posts(a), is: [bytes("1")])
            }
        },
        ClusterCase("what is posted once listening is in force is heard") { nodes in
            try await nodes.withNode { one in
                try await nodes.withNode { two in
                    for turn in 0..<50 {
                        let a = try channel("turn\(turn)")
                        try await two.listen([a])
                        one.cluster.publish([BusPost(a, bytes("x"))])
                        try await eventually("it is heard") { two.posts(a) == [bytes("x")] }
                    }
                }
            }
        },
        ClusterCase("who ceases to listen hears no more; who begins again hears again") { nodes in
            let a = try channel("a")
            try await nodes.withNode(hearing: [a]) { one in
                try await nodes.withNode { two in
                    one.cluster.unlisten(to: [a])
                    // In force again behind the end: what is posted in between is not heard.
                    try await one.listen([try channel("b")])
                    two.cluster.publish([BusPost(a, bytes("lost"))])
                    try await two.settle("lost is gone")
                    try await eventually("that is heard") { one.posts(.everyone).contains(bytes("lost is gone")) }
                    try expect(one.posts(a), is: [])
                    try await one.listen([a])
                    two.cluster.publish([BusPost(a, bytes("heard"))])
                    try await eventually("it is heard again") { one.posts(a) == [bytes("heard")] }
                }
            }
        },
        ClusterCase("changes in quick succession end as the last one says") { nodes in
            let (on, off) = (try channel("on"), try channel("off"))
            try await nodes.withNode { one in
                for _ in 0..<100 {
                    one.cluster.listen(to: [on, off])
                    one.cluster.unlisten(to: [on, off])
                }
                one.cluster.listen(to: [on])
                try await eventually("it is in force") { one.timesInForce(on) > 0 }
                one.cluster.publish([BusPost(on, bytes("x")), BusPost(off, bytes("y"))])
                try await eventually("it is heard") { one.posts(on) == [bytes("x")] }
                try await one.settle("end")
                try expect(one.posts(off), is: [])
                // It may have been in force for moments, but is never said to be so behind its end.
                func last(_ channel: BusChannel) -> Int? {
                    one.events.lastIndex { if case .inForce(let told) = $0 { told.contains(channel) } else { false } }
                }
                let end = try require(last(on))
                try expect((last(off) ?? -1) < end, is: true)
            }
        },
        ClusterCase("five thousand channels at once are in force, and nothing else is") { nodes in
            let rooms = try (0..<5000).map { try channel("many:\($0)") }
            try await nodes.withNode { one in
                one.cluster.listen(to: rooms)
                try await eventually("all are in force") {
                    let told = one.events.reduce(into: Set<BusChannel>()) { told, event in
                        if case .inForce(let channels) = event { told.formUnion(channels) }
                    }
                    return told == Set(rooms + [.everyone])
                }
                one.cluster.publish([BusPost(rooms[0], [1]), BusPost(rooms[4999], [2])])
                try await eventually("first and last are heard") {
                    one.posts(rooms[0]) == [[1]] && one.posts(rooms[4999]) == [[2]]
                }
            }
        },
    ]
}
