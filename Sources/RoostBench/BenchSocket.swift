#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A WebSocket of the load generator, on its loop's one thread.
final class BenchSocket {
    let descriptor: Int32
    private let loop: BenchLoop
    private let request: [UInt8]
    private var state = State.connecting
    /// A piece of a frame that came without the rest.
    private var rest: [UInt8] = []
    private var out: [UInt8] = []
    private var isDirty = false
    private var isWaitingToWrite = true
    /// The server has upgraded.
    var onOpen: () -> Void = {}
    /// Where it is set, gets what was read first, from the beginning of a frame on; returns the bytes of whole frames
    /// that it has taken, or 0, and then the first frame is treated as without it.
    var onFrames: ((UnsafeRawBufferPointer) -> Int)?
    /// Gets the payload of each text or binary frame.
    var onMessage: (UnsafeRawBufferPointer) -> Void = { _ in }
    var onClose: (String) -> Void = { _ in }

    private enum State { case connecting, upgrading, open, closed }

    /// - Parameters:
    ///   - path: with its query.
    ///   - subprotocol: none is asked for where it is nil.
    init(_ address: Address, _ target: BenchTarget, path: String, subprotocol: String?, loop: BenchLoop) throws {
        request = Array(
            ("GET \(path) HTTP/1.1\r\nHost: \(target.host):\(target.port)\r\n"
                + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                + (subprotocol.map { "Sec-WebSocket-Protocol: \($0)\r\n" } ?? "") + "\r\n").utf8)
        self.loop = loop
        descriptor = try address.connect()
        loop.add(self)
    }

    // MARK: Sending

    func send(_ frame: OutgoingFrame) {
        guard state == .open else { return }
        out.append(contentsOf: frame.bytes)
        flushLater()
    }

    func send(_ text: String) { send(OutgoingFrame(.text, text)) }

    private func flushLater() {
        guard !isDirty else { return }
        isDirty = true
        loop.flushLater(self)
    }

    func flush() {
        isDirty = false
        guard !out.isEmpty, !isWaitingToWrite, state != .closed else { return }
        let sent = out.withUnsafeBytes { systemSend(descriptor, $0) }
        if sent == out.count {
            out.removeAll(keepingCapacity: out.capacity <= 1 << 16)
        } else if sent >= 0 || errno == EAGAIN {
            out.removeFirst(max(0, sent))
            isWaitingToWrite = true
            loop.watch(self, forWriting: true)
        } else {
            end("the connection broke: \(errorText(errno))")
        }
    }

    func close() {
        guard state != .closed else { return }
        state = .closed
        loop.remove(self)
        systemClose(descriptor)
        (onOpen, onFrames, onMessage, onClose) = ({}, nil, { _ in }, { _ in })
    }

    private func end(_ reason: String) {
        guard state != .closed else { return }
        let tell = onClose
        close()
        tell(reason)
    }

    // MARK: Receiving

    func becameWritable() {
        guard isWaitingToWrite else { return }
        if state == .connecting {
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            _ = getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
            guard code == 0 else { return end("the server can't be reached: \(errorText(code))") }
            state = .upgrading
            out = request
        }
        isWaitingToWrite = false
        loop.watch(self, forWriting: false)
        flush()
    }

    /// Reads until nothing is left.
    /// - Parameter hasEnded: the end itself is to be read, too; otherwise a read that does not fill the buffer was the
    ///   last, and one that would find nothing is saved.
    func becameReadable(into buffer: UnsafeMutableRawBufferPointer, hasEnded: Bool = false) {
        while state == .open || state == .upgrading {
            let room = buffer.count - rest.count
            guard let count = read(into: buffer), hasEnded || count == room else { return }
        }
    }

    /// Reads once; returns how many bytes came, or nil if there were none.
    private func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let kept = rest.count
        if kept > 0 {
            rest.withUnsafeBytes { buffer.copyMemory(from: $0) }
            rest = []
        }
        let count = systemReceive(descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[kept...]))
        let reason = errno
        guard count > 0 else {
            if kept > 0 { rest = Array(buffer[..<kept]) }
            if count < 0, reason == EAGAIN { return nil }
            end(count == 0 ? "the server closed it" : "the connection broke: \(errorText(reason))")
            return nil
        }
        take(UnsafeRawBufferPointer(rebasing: buffer[..<(kept + count)]), capacity: buffer.count)
        return count
    }

    /// Takes all that is whole, and keeps the rest.
    private func take(_ bytes: UnsafeRawBufferPointer, capacity: Int) {
        var used = 0
        if state == .upgrading {
            used = finishHandshake(bytes)
            guard state == .open else {
                if state == .upgrading { rest = Array(bytes) }
                return
            }
        }
        used += takeFrames(UnsafeRawBufferPointer(rebasing: bytes[used...]))
        guard state == .open, used < bytes.count else { return }
        guard bytes.count < capacity || used > 0 else { return end("a frame is larger than \(capacity) bytes") }
        rest = Array(bytes[used...])
    }

    /// Returns the bytes of the server's answer, once all of them are there.
    private func finishHandshake(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let end = bytes.after("\r\n\r\n") else { return 0 }
        let first = String(decoding: bytes.prefix { $0 != 13 }, as: UTF8.self)
        guard first.hasPrefix("HTTP/1.1 101") else {
            let hint = first.hasPrefix("HTTP/1.1 429") ? " (start the server with --rate-limit-connects 0)" : ""
            self.end("the server refused the WebSocket: \(first)\(hint)")
            return 0
        }
        state = .open
        onOpen()
        return end
    }

    /// Hands out whole frames; returns the bytes they took.
    private func takeFrames(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 0
        while at < bytes.count, state == .open {
            let left = UnsafeRawBufferPointer(rebasing: bytes[at...])
            if let taken = onFrames?(left), taken > 0 {
                at += taken
                continue
            }
            guard let frame = ServerFrame(left) else { break }
            at += frame.bytes.count
            switch frame.opcode {
            case ServerFrame.Opcode.text, ServerFrame.Opcode.binary: onMessage(frame.payload)
            case ServerFrame.Opcode.close: end(String(decoding: frame.payload.dropFirst(2), as: UTF8.self))
            case ServerFrame.Opcode.ping: send(OutgoingFrame(.pong, frame.payload))
            default: break
            }
        }
        return at
    }
}

private func systemSend(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Darwin)
    Darwin.send(descriptor, bytes.baseAddress, bytes.count, 0)
    #else
    Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    #endif
}

private func systemReceive(_ descriptor: Int32, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
    while true {
        let count = recv(descriptor, bytes.baseAddress, bytes.count, 0)
        if count >= 0 || errno != EINTR { return count }
    }
}

private func systemClose(_ descriptor: Int32) {
    #if canImport(Darwin)
    _ = Darwin.close(descriptor)
    #else
    _ = Glibc.close(descriptor)
    #endif
}
