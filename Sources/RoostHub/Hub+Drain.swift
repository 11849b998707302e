import NIOCore
public import RoostCore

/// How a node sends its clients away.
public struct DrainPlan: Sendable {
    public var code: CloseCode
    public var reason: String
    /// Over how many milliseconds the closes are spread; less is taken where clients are few.
    public var windowMs: Int64

    public init(_ code: CloseCode, reason: String, windowMs: Int64 = 0) {
        self.code = code
        self.reason = reason
        self.windowMs = windowMs
    }

    /// So much of the window is used per client.
    private static let msPerClient: Int64 = 20
    static let batchEveryMs: Int64 = 100

    /// In how many batches `clients` go.
    func batches(_ clients: Int) -> Int {
        let window = min(windowMs, Int64(clients) * DrainPlan.msPerClient)
        return Int(max(1, window / DrainPlan.batchEveryMs))
    }

    /// When a client is to come back: a moment of its own, so that they don't all come at once.
    func returnAfterMs(_ clients: Int, _ random: UInt64) -> Int64 {
        100 + Int64(random % UInt64(max(200, min(windowMs, Int64(clients) * DrainPlan.msPerClient))))
    }
}

extension Hub {
    /// Sends all clients away, a batch at a time: stops reading from them, lets what they sent be stored, acked and
    /// published, tells them when to come back, and closes. Returns when everything is written down.
    public func drain(_ plan: DrainPlan) async {
        let count = await connectionCount()
        var left = plan.batches(count)
        while left > 0 {
            await closeBatch(plan, oneOf: left, of: count)
            left -= 1
            if left > 0 { await pause(DrainPlan.batchEveryMs) }
        }
        // Whoever has come in meanwhile.
        while await connectionCount() > 0 { await closeBatch(plan, oneOf: 1, of: count) }
        for target in shards { try? await target.loop.submit { target.shard.value.stop() }.get() }
        await ingest.fence()
        await flushMarks()
        await scribe.flush()
        flushRows()
        await relay?.stop()
        detach()
    }

    /// Closes one of so many equal parts of the connections that are left.
    private func closeBatch(_ plan: DrainPlan, oneOf parts: Int, of count: Int) async {
        for target in shards {
            try? await target.loop.submit { target.shard.value.stopReading(oneOf: parts) }.get()
        }
        await ingest.fence()
        for target in shards {
            try? await target.loop.submit { target.shard.value.dismiss(plan, of: count) }.get()
        }
    }

    private func connectionCount() async -> Int {
        var count = 0
        for target in shards {
            count += (try? await target.loop.submit { target.shard.value.connections.count }.get()) ?? 0
        }
        return count
    }

    func pause(_ milliseconds: Int64) async {
        _ = try? await shards[0].loop.scheduleTask(in: .milliseconds(milliseconds)) {}.futureResult.get()
    }
}
