import NIOCore

/// Buffers to receive into that are given back after each read, so that an idle connection holds none.
///
/// NIO keeps the buffers of a channel to use them again, which for connections that mostly wait is memory for nothing. It
/// does so only where the allocator tells a size beforehand (`nextBufferSize`) or says that the next buffer will not be
/// larger (`record`); and it always keeps the very first one, which therefore has a single byte. Use it with one read per
/// event (`ChannelOptions.maxMessagesPerRead`), else NIO's pool grows instead.
struct ReceiveBuffers: RecvByteBufferAllocator {
    /// The least and the most bytes that are read at a time.
    private static let sizes = 2048...65_536
    /// 0 until the first buffer has been read into.
    private var size = 0
    private var wasSmall = false

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: max(1, size)) }

    /// Twice as large after a read that has filled it, half as large after two that have not filled half of it.
    mutating func record(actualReadBytes count: Int) -> Bool {
        if size == 0 {
            size = ReceiveBuffers.sizes.lowerBound
        } else if count >= size {
            size = min(2 * size, ReceiveBuffers.sizes.upperBound)
            wasSmall = false
        } else if count <= size / 2 {
            if wasSmall { size = max(size / 2, ReceiveBuffers.sizes.lowerBound) }
            wasSmall.toggle()
        } else {
            wasSmall = false
        }
        return true
    }
}
