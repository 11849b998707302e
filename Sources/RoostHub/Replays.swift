import NIOCore
import RoostCore
import RoostWire

/// Stretches of logs as native frames, compressed or not, kept while readers come back together, so that what they have
/// missed is encoded once for all of them and not for each.
struct Replays {
    /// Messages that follow each other, as one buffer.
    private struct Sheet {
        let first: UInt64
        /// The room's turn when it was read: what was taken out since must not come out here.
        let turn: UInt64
        var frames: ByteBuffer
        /// Where each message ends.
        var ends: [Int] = []

        var last: UInt64 { first + UInt64(ends.count) - 1 }
        var bytes: Int { frames.readableBytes }

        mutating func append(_ messages: ArraySlice<Message>, by deflater: Deflater?) {
            for message in messages {
                if let deflater {
                    var frame = ByteBuffer()
                    frame.putFrame(.text) { NativeEncoder.put(message, into: &$0) }
                    frames.writeImmutableBuffer(deflater.deflate(frames: frame))
                } else {
                    frames.putFrame(.text) { NativeEncoder.put(message, into: &$0) }
                }
                ends.append(frames.readableBytes)
            }
        }

        func slice(_ range: ClosedRange<UInt64>) -> ByteBuffer {
            let start = range.lowerBound == first ? 0 : ends[Int(range.lowerBound - first) - 1]
            let end = ends[Int(range.upperBound - first)]
            return frames.getSlice(at: frames.readerIndex + start, length: end - start) ?? ByteBuffer()
        }
    }

    private let budget: Int
    private let deflater: Deflater?
    private var sheets: [Recent.Key: Sheet] = [:]
    private(set) var bytes = 0
    private var isUsed = false

    /// - Parameters:
    ///   - budget: bytes; with 0 nothing is kept.
    ///   - deflater: compresses the frames, if there is one.
    init(budget: Int, deflater: Deflater? = nil) {
        self.budget = budget
        self.deflater = deflater
    }

    /// The frames of these messages, which follow each other.
    /// - Parameter turn: the room's turn when they were read, see `Recent.turn`.
    mutating func frames(
        of messages: ArraySlice<Message>, _ room: RoomName, _ epoch: Epoch, readAt turn: UInt64
    ) -> ByteBuffer {
        let key = Recent.Key(room: room, epoch: epoch, start: LogCache.blockStart((messages.first?.seq ?? 1) - 1))
        guard let first = messages.first?.seq, let last = messages.last?.seq, budget > 0,
            turn >= sheets[key]?.turn ?? 0
        else {
            var encodings = Encodings(messages)
            return encodings.frames(for: .native, onlyCreated: false, by: deflater)
        }
        isUsed = true
        if let sheet = sheets[key], sheet.turn == turn, sheet.first <= first, last <= sheet.last {
            return sheet.slice(first...last)
        }
        return extend(key, messages, first, turn).slice(first...last)
    }

    /// Adds what the sheet lacks at its end; one that begins later, ends too early or is of an earlier turn is made anew.
    private mutating func extend(_ key: Recent.Key, _ messages: ArraySlice<Message>, _ first: UInt64, _ turn: UInt64)
        -> Sheet
    {
        let known = sheets.removeValue(forKey: key)
        bytes -= known?.bytes ?? 0
        var sheet: Sheet
        if let known, known.turn == turn, known.first <= first, first <= known.last + 1 {
            sheet = known
        } else {
            sheet = Sheet(first: first, turn: turn, frames: Encodings.buffer(for: messages))
        }
        sheet.append(messages.drop { $0.seq <= sheet.last }, by: deflater)
        if bytes + sheet.bytes > budget { forget() }
        bytes += sheet.bytes
        sheets[key] = sheet
        return sheet
    }

    private mutating func forget() {
        sheets = [:]
        bytes = 0
    }

    /// Forgets everything that nobody has wanted since the last time.
    mutating func sweep() {
        if !isUsed { forget() }
        isUsed = false
    }
}
