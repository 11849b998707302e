/// What tests set otherwise than the world does.
package struct Tuning: Sendable {
    /// How long a writer waits for another process, in milliseconds, before it gives up with `busy`.
    package var busyTimeoutMs = 5000
    /// Pages (of 4 KiB) that the write-ahead log grows by before they are copied into the file, in the background.
    package var checkpointPages = 1024
    /// Pages of the write-ahead log from which on a moment without writers is made, so that it begins anew.
    package var restartPages = 16_384
    /// How much of a deleted room, or of what retention has dropped, goes in one transaction: rows, and bytes of
    /// content.
    package var sweepRows = 1000
    package var sweepBytes = 1 << 20
    /// How many rooms one call of `retain` looks at.
    package var retainRooms = 500
    /// Whether deleted rooms are emptied in the background.
    package var sweeps = true

    package init() {}
}
