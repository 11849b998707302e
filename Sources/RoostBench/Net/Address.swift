#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Where a server listens, looked up once.
struct Address {
    private let storage: sockaddr_storage
    private let length: socklen_t
    private let family: Int32

    init(host: String, port: Int) throws {
        var hints = addrinfo()
        #if canImport(Darwin)
        hints.ai_socktype = SOCK_STREAM
        #else
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #endif
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let first = found, let address = first.pointee.ai_addr else {
            throw BenchError("\(host) has no address: \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(first) }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(first.pointee.ai_addrlen)))
        }
        self.storage = storage
        length = first.pointee.ai_addrlen
        family = first.pointee.ai_family
    }

    /// A socket on its way to the server; it does not block, and is connected once it can be written.
    func connect(blocking: Bool = false) throws -> Int32 {
        #if canImport(Darwin)
        let descriptor = socket(family, SOCK_STREAM, 0)
        #else
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        guard descriptor >= 0 else { throw BenchError("no socket could be opened: \(errorText(errno))") }
        if !blocking { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }
        var on: Int32 = 1
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        let code = withUnsafePointer(to: storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { systemConnect(descriptor, $0, length) }
        }
        guard code == 0 || errno == EINPROGRESS else {
            let reason = errorText(errno)
            close(descriptor)
            throw BenchError("the server can't be reached: \(reason)")
        }
        return descriptor
    }
}

private func systemConnect(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32 {
    connect(descriptor, address, length)
}

/// What the system calls an error.
func errorText(_ number: Int32) -> String { String(cString: strerror(number)) }
