import Testing

@testable import RoostBench

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite("Sockets of the generator")
struct BenchSocketTests {
    /// A socket that listens on loopback, and its port.
    private func listener() -> (descriptor: Int32, port: Int) {
        #if canImport(Darwin)
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #else
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #expect(bind(descriptor, $0, size) == 0)
                #expect(listen(descriptor, 1) == 0)
                #expect(getsockname(descriptor, $0, &size) == 0)
            }
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    @Test("what is more than is read at a time is read on, though it is told of only once")
    func readsOn() throws {
        let (listening, port) = listener()
        defer { close(listening) }
        let loop = BenchLoop(capacity: 512)
        let target = try BenchTarget(url: "ws://127.0.0.1:\(port)")
        let address = try Address(host: target.host, port: port)
        let client = try BenchSocket(address, target, path: "/", subprotocol: nil, loop: loop)
        let server = accept(listening, nil, nil)
        let frame: [UInt8] = [0x81, 100] + Array(repeating: 7, count: 100)
        let answer = Array("HTTP/1.1 101 Switching Protocols\r\n\r\n".utf8) + (0..<200).flatMap { _ in frame }
        #expect(write(server, answer, answer.count) == answer.count)
        defer { close(server) }
        var (heard, reason) = (0, "")
        client.onMessage = {
            heard += $0.elementsEqual(frame.dropFirst(2)) ? 1 : 0
            if heard == 200 { loop.stop() }
        }
        client.onClose = { reason = $0 }
        loop.after(seconds: 20) { loop.stop() }
        loop.run()
        #expect(heard == 200)
        #expect(reason == "")
        client.close()
    }
}
