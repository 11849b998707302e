import NIOCore
public import RoostWire

/// What one event loop compresses and inflates with, for all of its connections that have agreed to it. No message
/// refers to another, so that nothing is kept for any of them.
final class Compression {
    let deflater = Deflater()
    let inflater = Inflater()
    /// What readers are given who come back together, compressed.
    var replays: Replays

    /// Bytes that are compressed in one tick for readers that catch up, if there are more: some five milliseconds' worth.
    private static let replayedPerTick: UInt64 = 512 << 10

    /// - Parameter budget: bytes of `replays`.
    init(budget: Int) { replays = Replays(budget: budget, deflater: deflater) }

    /// How much has to have been compressed for this tick to be over.
    var limit: UInt64 { deflater.tally.bytesBefore + Compression.replayedPerTick }
}

extension Shard {
    /// What inflates the messages of connections that have agreed to compression. It keeps nothing from one message to
    /// the next, and is the same for all.
    public func inflater() -> Inflater {
        if let compression { return compression.inflater }
        // Compressed, twice as many messages fit into the same memory.
        let made = Compression(budget: hub.settings.recentBytes / 4 / hub.shards.count)
        compression = made
        return made.inflater
    }

    /// What compresses for this connection, if anything does.
    func deflater(for connection: Connection) -> Deflater? {
        connection.deflates ? compression?.deflater : nil
    }

    /// What has been counted here so far.
    var counted: Counters {
        var all = counters
        all.connections = connections.count
        guard let compression else { return all }
        all.messagesDeflated = compression.deflater.tally.messages
        all.bytesBeforeDeflating = compression.deflater.tally.bytesBefore
        all.bytesAfterDeflating = compression.deflater.tally.bytesAfter
        all.messagesInflated = compression.inflater.messages
        return all
    }
}
