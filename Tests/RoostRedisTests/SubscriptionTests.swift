import NIOCore
import NIOPosix
import RoostCore
import RoostEngine
import RoostRedis
import Testing

@Suite struct SubscriptionTests {
    /// Of changes that follow each other at once only the last one's confirmation counts: what is posted at the moment
    /// when a channel is said to be in force is heard.
    @Test func inForceMeansTheLastChange() async throws {
        try await RedisServer.with { server in
            let (here, others) = (try channel("here"), try (0..<3000).map { try channel("other\($0)") })
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let bus = try RedisBus(server.address, on: loop)
            let posts = Locked<[BusPost]>([])
            bus.start { event in
                switch event {
                case .inForce(let channels): if channels.contains(here) { bus.publish([BusPost(here, [1])]) }
                case .posts(let more): posts.withLock { $0 += more }
                case .lost: break
                }
            }
            try await eventually("it is connected") { bus.isConnected }
            // In one turn of the loop, so that nothing is confirmed in between.
            try await loop.submit {
                bus.listen(to: [here])
                bus.unlisten(to: [here])
                bus.listen(to: others)
                bus.listen(to: [here])
            }.get()
            try await eventually("the post is heard") { posts.withLock { $0 } == [BusPost(here, [1])] }
            await bus.stop()
        }
    }
}
