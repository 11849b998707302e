import Testing

@testable import RoostCore

/// What a slow client is told later.
@Suite struct ShedTests {
    private let ann = user("ann")
    private let now = Timestamp(milliseconds: 1000)

    private var events: [(Event, Shed.Room)] {
        let page = PresencePage(room: .general, count: 0, members: [], next: nil)
        let presence = Shed.Room(presence: true, receipts: false, typing: [:])
        return [
            (.userJoined(room: .general, user: ann, name: ""), presence),
            (.userLeft(room: .general, user: ann, name: "", lastSeen: now), presence),
            (.presenceCount(room: .general, count: 1), presence),
            (.receipts(room: .general, []), Shed.Room(presence: false, receipts: true, typing: [:])),
            (
                .typing(room: .general, user: ann, isActive: true),
                Shed.Room(presence: false, receipts: false, typing: [ann: true])
            ),
            (.presence(page), Shed.Room()), (.pong, Shed.Room()), (.left(room: .general), Shed.Room()),
        ]
    }

    @Test func eachKindOfNewsIsRememberedAsWhatItIs() {
        for (event, room) in events {
            var shed = Shed()
            #expect(shed.isEmpty)
            shed.note(event)
            #expect(shed.isEmpty == (room == Shed.Room()))
            #expect(shed.rooms == (room == Shed.Room() ? [:] : [.general: room]))
            #expect(shed.take() == (room == Shed.Room() ? [:] : [.general: room]))
            #expect(shed.isEmpty && shed.take().isEmpty)
        }
    }

    @Test func theLatestStateOfEachCounts() {
        var shed = Shed()
        shed.note(.typing(room: .general, user: ann, isActive: true))
        shed.note(.typing(room: .general, user: user("bob"), isActive: true))
        shed.note(.typing(room: .random, user: ann, isActive: true))
        shed.note(.typing(room: .general, user: ann, isActive: false))
        #expect(shed.rooms[.general]?.typing == [ann: false, user("bob"): true])
        #expect(shed.rooms[.random]?.typing == [ann: true])
    }

    @Test func beyondTheMostNobodyIsAddedButWhoIsKnownIsKeptUp() {
        var shed = Shed()
        for number in 0..<Shed.most + 10 {
            shed.note(.typing(room: .general, user: user("u\(number)"), isActive: true))
        }
        #expect(shed.rooms[.general]?.typing.count == Shed.most)
        shed.note(.typing(room: .general, user: user("u0"), isActive: false))
        #expect(shed.rooms[.general]?.typing[user("u0")] == false)
        #expect(shed.rooms[.general]?.typing.count == Shed.most)
    }
}
