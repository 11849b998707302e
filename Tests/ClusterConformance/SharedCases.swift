import RoostCore
import RoostEngine

extension ClusterCase {
    static let sessions: [ClusterCase] = [
        ClusterCase("visits are counted over all nodes, and the last room is known to all") { nodes in
            try await nodes.withNode { one in
                try await nodes.withNode { two in
                    try expect(
                        try await one.cluster.visit("a b", begins: true, idleMs: 60_000), is: SessionState(visits: 1))
                    try expect(
                        try await two.cluster.visit("a b", begins: true, idleMs: 60_000), is: SessionState(visits: 2))
                    try await two.cluster.note(room: try room("lobby"), of: "a b")
                    let third = SessionState(visits: 3, lastRoom: try room("lobby"))
                    try expect(try await one.cluster.visit("a b", begins: true, idleMs: 60_000), is: third)
                    try expect(
                        try await one.cluster.visit("other", begins: true, idleMs: 60_000), is: SessionState(visits: 1))
                    try await one.cluster.note(room: try room("lobby"), of: "unknown")
                    try expect(
                        try await one.cluster.visit("unknown", begins: true, idleMs: 60_000),
                        is: SessionState(visits: 1))
                }
            }
        },
        ClusterCase("visits at the same time are all counted") { nodes in
            try await nodes.withNode { one in
                try await nodes.withNode { two in
                    let visits = try await withThrowingTaskGroup(of: UInt64.self) { group in
                        for cluster in [one.cluster, two.cluster] {
                            for _ in 0..<100 {
                                group.addTask {
                                    try require(try await cluster.visit("s", begins: true, idleMs: 60_000)).visits
                                }
                            }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    try expect(visits.sorted(), is: Array(1...200))
                }
            }
        },
        ClusterCase("a session that is not known begins only where that is wanted") { nodes in
            try await nodes.withNode { one in
                try expect(try await one.cluster.visit("s", begins: false, idleMs: 60_000), is: nil)
                try expect(try await one.cluster.visit("s", begins: true, idleMs: 60_000)?.visits, is: 1)
                try expect(try await one.cluster.visit("s", begins: false, idleMs: 60_000)?.visits, is: 2)
            }
        },
        ClusterCase("a session that nobody visits ends") { nodes in
            try await nodes.withNode { one in
                _ = try await one.cluster.visit("s", begins: true, idleMs: 60_000)
                try expect(try await one.cluster.visit("s", begins: true, idleMs: 1)?.visits, is: 2)
                // A visit keeps it as long as that visit says, so asking does not keep it up.
                try await eventually("it begins anew") {
                    try await one.cluster.visit("s", begins: true, idleMs: 1)?.visits == 1
                }
            }
        },
    ]

    static let quotas: [ClusterCase] = [
        ClusterCase("a bucket gives its burst once, to all nodes together, and each bucket its own") { nodes in
            try await nodes.withNode { one in
                try await nodes.withNode { two in
                    let (a, b) = (one.cluster, two.cluster)
                    try expect(try await a.take(7, from: "user:x", rate: 0, burst: 10), is: 7)
                    try expect(try await b.take(7, from: "user:x", rate: 0, burst: 10), is: 3)
                    try expect(try await a.take(1, from: "user:x", rate: 0, burst: 10), is: 0)
                    try expect(try await b.take(100, from: "user:y", rate: 0, burst: 10), is: 10)
                    try expect(try await b.take(0, from: "user:z", rate: 1, burst: 10), is: 0)
                }
            }
        },
        ClusterCase("nodes together never get more than rate × time + burst, nor much less") { nodes in
            try await nodes.withNode { one in
                try await nodes.withNode { two in
                    let (rate, burst, goal) = (1000, 50, 500)
                    let start = ContinuousClock.now
                    let taken = try await withThrowingTaskGroup(of: Int.self) { group in
                        for cluster in [one.cluster, two.cluster] {
                            group.addTask {
                                var taken = 0
                                while taken < goal {
                                    taken += try await cluster.take(20, from: "q", rate: rate, burst: burst)
                                    try await Task.sleep(for: .milliseconds(5))
                                }
                                return taken
                            }
                        }
                        return try await group.reduce(0, +)
                    }
                    let time = ContinuousClock.now - start
                    // One token may be in the making.
                    let most = Double(rate) * (time / .seconds(1)) + Double(burst) + 1
                    try expect(Double(taken) <= most, is: true)
                    // It comes to at least 2 × 500 in the end, so 20 s would mean that it gives too little.
                    try expect(time < .seconds(20), is: true)
                }
            }
        },
    ]
}
