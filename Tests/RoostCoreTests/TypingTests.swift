import RoostCore
import Testing

@Suite struct TypingTests {
    private let ann = user("ann")

    @Test func aStateLapsesFiveSecondsAfterTheLastWord() {
        var typing = Typing()
        #expect(typing.set(.general, ann, isActive: true, now: .at(0)) == true)
        #expect(typing.set(.general, ann, isActive: true, now: .at(1000)) == false)
        #expect(typing.lapse(now: .at(5999)).isEmpty)
        #expect(typing.active(in: .general) == [ann])
        #expect(typing.lapse(now: .at(6000)).map(\.user) == [ann])
        #expect(typing.isEmpty)
        #expect(typing.lapse(now: .at(9000)).isEmpty)
    }

    @Test func aConfirmationIsRelayedOnceInTwoSeconds() {
        var typing = Typing()
        let relayed = stride(from: Int64(0), through: 10_000, by: 500).filter {
            typing.set(.general, ann, isActive: true, now: .at($0))
        }
        #expect(relayed == [0, 2000, 4000, 6000, 8000, 10_000])
    }

    @Test func takingBackIsRelayedAtOnceAndOnlyOnce() {
        var typing = Typing()
        #expect(typing.set(.general, ann, isActive: false, now: .at(0)) == false)
        _ = typing.set(.general, ann, isActive: true, now: .at(0))
        #expect(typing.set(.general, ann, isActive: false, now: .at(1)) == true)
        #expect(typing.set(.general, ann, isActive: false, now: .at(2)) == false)
        #expect(typing.isEmpty)
        #expect(typing.set(.general, ann, isActive: true, now: .at(3)) == true)
        let wasTyping = [typing.clear(.general, ann), typing.clear(.general, ann)]
        #expect(wasTyping == [true, false])
    }

    /// What a room has been told is the truth: who was said to type does so, or will be said not to.
    @Test(arguments: 1...10)
    func whatRoomsAreToldIsWhatIs(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var typing = Typing()
        var (until, told): ([String: Int64], Set<String>) = ([:], [])
        var now: Int64 = 0
        for _ in 0..<2000 {
            now += Int64(generator.below(900))
            let (name, who) = (generator.oneIn(2) ? RoomName.general : .random, user("u\(generator.below(3))"))
            let key = "\(name) \(who)"
            switch generator.below(4) {
            case 0, 1:
                if typing.set(name, who, isActive: true, now: .at(now)) { told.insert(key) }
                until[key] = now + Typing.lapseMs
            case 2:
                let wasActive = until.removeValue(forKey: key) != nil
                #expect(typing.set(name, who, isActive: false, now: .at(now)) == wasActive)
                told.remove(key)
            default:
                let lapsed = Set(typing.lapse(now: .at(now)).map { "\($0.room) \($0.user)" })
                #expect(lapsed == Set(until.filter { $0.value <= now }.keys))
                until = until.filter { $0.value > now }
                told.subtract(lapsed)
            }
            #expect(told == Set(until.keys))
            #expect(typing.isEmpty == until.isEmpty)
        }
    }
}
