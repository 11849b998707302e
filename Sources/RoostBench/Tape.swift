#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The frames in which a room's newest publications came to the first reader that heard them.
///
/// All readers of a room are sent the same bytes. So a frame is parsed once, and what the other readers are sent is
/// compared with it, byte by byte: cheaper than parsing and no less strict, since whatever differs is parsed.
final class Tape {
    /// One frame; mostly it holds one publication, but a stream of text (NATS) is cut anywhere.
    private struct Entry {
        /// The number of the first publication in it; 0: there is no entry.
        var first: UInt64 = 0
        var publications: UInt64 = 0
        /// Where it begins in the buffer, and in all that was ever put there.
        var place = 0
        var start = 0
        var length = 0
    }

    private let capacity: Int
    private let bytes: UnsafeMutableRawPointer
    /// By number; as many as a power of two.
    private let entries: UnsafeMutablePointer<Entry>
    private let mask: UInt64
    /// Where the next frame goes, counted as `Entry.start` is.
    private var end = 0

    /// - Parameter capacity: bytes of frames that are kept; where it is 0, everything has to be parsed.
    init(capacity: Int) {
        self.capacity = capacity
        var most = 16
        while most < capacity / 512 { most *= 2 }
        mask = UInt64(most - 1)
        bytes = .allocate(byteCount: max(1, capacity), alignment: 16)
        entries = .allocate(capacity: most)
        entries.initialize(repeating: Entry(), count: most)
    }

    deinit {
        bytes.deallocate()
        entries.deallocate()
    }

    private func entry(_ number: UInt64) -> Entry { entries[Int(truncatingIfNeeded: number & mask)] }

    private func isThere(_ entry: Entry, _ number: UInt64) -> Bool {
        entry.first == number && entry.start >= end - capacity
    }

    /// Keeps a frame.
    /// - Parameters:
    ///   - first: the number of its first publication, at least 1.
    ///   - publications: how many it holds, in order and without gaps.
    func keep(_ frame: UnsafeRawBufferPointer, first: UInt64, publications: UInt64) {
        guard frame.count <= capacity, let source = frame.baseAddress else { return }
        var place = end % capacity
        if place + frame.count > capacity {
            // A frame stays in one piece.
            end += capacity - place
            place = 0
        }
        (bytes + place).copyMemory(from: source, byteCount: frame.count)
        entries[Int(truncatingIfNeeded: first & mask)] = Entry(
            first: first, publications: publications, place: place, start: end, length: frame.count)
        end += frame.count
    }

    /// Whether the frame that begins with that publication is known.
    func has(_ number: UInt64) -> Bool { isThere(entry(number), number) }

    /// How far the bytes are what was kept.
    /// - Parameters:
    ///   - stream: what a reader was sent, from the beginning of a frame on.
    ///   - number: the publication that it is to hear next.
    /// - Returns: the publications from `number` on that are there in full, and the bytes of their frames.
    func follow(_ stream: UnsafeRawBufferPointer, from number: UInt64) -> (publications: UInt64, bytes: Int) {
        guard let base = stream.baseAddress else { return (0, 0) }
        var (next, at) = (number, 0)
        while true {
            let entry = entry(next)
            guard isThere(entry, next), entry.length <= stream.count - at,
                memcmp(base + at, bytes + entry.place, entry.length) == 0
            else { return (next - number, at) }
            at += entry.length
            next += entry.publications
        }
    }
}
