import Testing

@testable import RoostBench

@Suite("What a room's readers are sent")
struct TapeTests {
    /// As a server frames it.
    private func frame(_ number: UInt64, _ text: String = "") -> [UInt8] {
        let payload = Array("@@\(number)@\(text)".utf8)
        return [0x81, UInt8(payload.count)] + payload
    }

    private func frames(_ numbers: [UInt64]) -> [UInt8] { numbers.flatMap { frame($0) } }

    private func tape(_ numbers: ClosedRange<UInt64>, capacity: Int = 1 << 16) -> Tape {
        let tape = Tape(capacity: capacity)
        for number in numbers {
            frame(number).withUnsafeBytes { tape.keep($0, first: number, publications: 1) }
        }
        return tape
    }

    private func followed(_ tape: Tape, _ stream: [UInt8], from number: UInt64) -> [Int] {
        let result = stream.withUnsafeBytes { tape.follow($0, from: number) }
        return [Int(result.publications), result.bytes]
    }

    @Test("the same frames in the same order are followed to their end, wherever a reader stands")
    func follows() {
        let tape = tape(1...20)
        #expect(followed(tape, frames(Array(1...20)), from: 1) == [20, frames(Array(1...20)).count])
        #expect(followed(tape, frames([7, 8]), from: 7) == [2, frames([7, 8]).count])
        #expect(followed(tape, [], from: 7) == [0, 0])
    }

    @Test("only whole frames are followed")
    func wholeFrames() {
        let tape = tape(1...3)
        let stream = frames([1, 2, 3])
        for length in stream.indices {
            let followed = followed(tape, Array(stream[..<length]), from: 1)
            #expect(followed[1] <= length)
            #expect(followed == [followed[0], frames(Array(1...3).prefix(followed[0]).map { $0 }).count])
        }
    }

    @Test("what is doubled, dropped, swapped or otherwise different is not followed past it")
    func faults() {
        let tape = tape(1...20)
        #expect(followed(tape, frames([3, 4, 4, 5]), from: 3)[0] == 2)
        #expect(followed(tape, frames([3, 4, 6]), from: 3)[0] == 2)
        #expect(followed(tape, frames([4, 3]), from: 3)[0] == 0)
        #expect(followed(tape, frames([3]), from: 4)[0] == 0)
        var changed = frames([3, 4])
        for place in changed.indices {
            changed[place] ^= 1
            #expect(followed(tape, changed, from: 3)[0] < 2, "changed at \(place)")
            changed[place] ^= 1
        }
    }

    @Test("what nobody has heard yet is not followed")
    func unheard() {
        #expect(followed(tape(1...3), frames([4]), from: 4) == [0, 0])
        #expect(followed(tape(1...3, capacity: 0), frames([1]), from: 1) == [0, 0])
    }

    @Test("old frames make room for new ones, and are not followed any more", arguments: [64, 100, 128, 1000, 5000])
    func forgets(capacity: Int) {
        let tape = tape(1...500, capacity: capacity)
        #expect(followed(tape, frames([500]), from: 500)[0] == 1)
        #expect(followed(tape, frames([1]), from: 1)[0] == 0)
        for number in 1...500 as ClosedRange<UInt64> {
            #expect(followed(tape, frames([number]), from: number)[0] == (tape.has(number) ? 1 : 0))
        }
    }

    @Test("a frame with several publications counts for all of them")
    func several() {
        let tape = Tape(capacity: 1000)
        let both = frame(1, "@@2@")
        both.withUnsafeBytes { tape.keep($0, first: 1, publications: 2) }
        frame(3).withUnsafeBytes { tape.keep($0, first: 3, publications: 1) }
        #expect(followed(tape, both + frame(3), from: 1)[0] == 3)
        #expect(followed(tape, frame(2), from: 2)[0] == 0)
    }
}

@Suite("Times of publications")
struct SentTimesTests {
    @Test("every time is kept as long as it may be asked for, however many there are")
    func keeps() {
        var times = SentTimes()
        for number in 1...5000 as ClosedRange<UInt64> {
            let oldest = number > 700 ? number - 700 : 1
            if times.isFull(for: number) { times.makeRoom(for: number, oldest: oldest) }
            times.note(number, at: Int64(number) * 10)
            for asked in [oldest, (oldest + number) / 2, number] { #expect(times[asked] == Int64(asked) * 10) }
        }
    }

    @Test("what is taken is taken once, and only if it left")
    func takes() {
        var times = SentTimes()
        for number in 1...3 as ClosedRange<UInt64> { times.note(number, at: Int64(number)) }
        let taken = [2, 2, 4, 1, 3, 0, 67].map { times.take($0, newest: 3) }
        #expect(taken == [2, nil, nil, 1, 3, nil, nil])
    }
}

@Suite("Frames of a server")
struct ServerFrameTests {
    @Test(
        "a frame is found as soon as all of it is there, in all three lengths",
        arguments: [(5, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
    func lengths(size: Int, header: Int) {
        var bytes: [UInt8] = [0x82]
        switch header {
        case 2: bytes.append(UInt8(size))
        case 4: bytes += [126, UInt8(size >> 8), UInt8(size & 255)]
        default: bytes += [127] + (0..<8).reversed().map { UInt8(size >> (8 * $0) & 255) }
        }
        bytes += Array(repeating: 7, count: size) + [0x81]
        for length in (Array(0..<12) + [header + size - 1]).filter({ $0 < header + size }) {
            #expect(bytes[..<length].withUnsafeBytes { ServerFrame($0) == nil })
        }
        bytes.withUnsafeBytes {
            let frame = ServerFrame($0)
            #expect(frame?.bytes.count == header + size)
            #expect(frame?.payload.count == size)
            #expect(frame?.isMessage == true)
        }
    }

    @Test("a length that no buffer holds is not there yet")
    func absurd() {
        let bytes: [UInt8] = [0x81, 127] + Array(repeating: 255, count: 40)
        #expect(bytes.withUnsafeBytes { ServerFrame($0) == nil })
    }
}
