import Dispatch
import Foundation

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The terminal that the process was started in.
final class Terminal {
    private var saved = termios()

    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    /// Keys come as they are pressed, and nothing is echoed, until `restore`.
    init() {
        tcgetattr(STDIN_FILENO, &saved)
        var raw = saved
        cfmakeraw(&raw)
        // Output as ever, so that what others print still makes lines.
        raw.c_oflag = saved.c_oflag
        tcsetattr(STDIN_FILENO, TCSANOW, &raw)
    }

    func restore() {
        tcsetattr(STDIN_FILENO, TCSANOW, &saved)
    }

    var columns: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes all of it, however long that takes.
    static func write(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            #if canImport(Darwin)
            let count = bytes.withUnsafeBytes { Darwin.write(descriptor, $0.baseAddress, $0.count) }
            #else
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            #endif
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                return
            }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// Standard input, piece by piece. Reading blocks, so it is done on a queue of its own; no more is read than was asked
/// for.
struct StandardInput: Sendable {
    private let queue = DispatchQueue(label: "roost.chat.input")

    /// What comes next; nil at the end.
    func next() async -> [UInt8]? {
        await withCheckedContinuation { continuation in
            queue.async {
                var room = [UInt8](repeating: 0, count: 4096)
                var count = 0
                repeat { count = read(STDIN_FILENO, &room, room.count) } while count < 0 && errno == EINTR
                continuation.resume(returning: count > 0 ? Array(room[..<count]) : nil)
            }
        }
    }
}

/// Bytes to lines.
struct LineSplitter {
    private var rest: [UInt8] = []

    /// The lines that are whole now.
    mutating func take(_ bytes: [UInt8]) -> [String] {
        rest += bytes
        var lines: [String] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: rest[..<end], as: UTF8.self))
            rest.removeSubrange(...end)
        }
        return lines
    }

    /// What stands behind the last line's end.
    mutating func finish() -> String? {
        defer { rest = [] }
        return rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
    }
}
