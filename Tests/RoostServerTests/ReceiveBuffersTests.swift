import NIOCore
import Testing

@testable import RoostServer

@Suite("Receive buffers")
struct ReceiveBuffersTests {
    private func next(_ buffers: ReceiveBuffers) -> Int {
        buffers.buffer(allocator: ByteBufferAllocator()).capacity
    }

    @Test("the first has next to nothing, then they grow while they are filled and shrink when they are not")
    func sizes() {
        var buffers = ReceiveBuffers()
        #expect(next(buffers) < 64)
        var sizes: [Int] = []
        func read(_ count: Int, times: Int = 1) {
            for _ in 0..<times {
                // NIO must not keep the buffer that it has.
                let isNew = buffers.record(actualReadBytes: min(count, next(buffers)))
                #expect(isNew)
                sizes.append(next(buffers))
            }
        }
        read(.max, times: 7)
        #expect(sizes == [2048, 4096, 8192, 16_384, 32_768, 65_536, 65_536])
        sizes = []
        read(10, times: 4)
        read(20_000)
        read(10, times: 10)
        #expect(
            sizes == [65_536, 32_768, 32_768, 16_384, 32_768] + [
                32_768, 16_384, 16_384, 8192, 8192, 4096, 4096, 2048, 2048, 2048,
            ])
        sizes = []
        read(1500, times: 3)
        #expect(sizes == [2048, 2048, 2048])
    }
}
