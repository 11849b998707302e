import RoostCore
import Testing

@Suite struct PresenceTests {
    private let start = Timestamp(milliseconds: 1000)

    private func full(_ count: Int) -> Presence {
        var presence = Presence()
        for number in 0..<count { _ = presence.join(.general, user("u\(1000 + number)"), name: "", at: start) }
        return presence
    }

    @Test func onlyTheFirstAndTheLastConnectionOfAUserAreHeardOf() {
        var presence = Presence()
        #expect(presence.join(.general, user("ann"), name: "Ann", at: start) == .joined)
        #expect(presence.join(.general, user("ann"), name: "Ann", at: start) == .none)
        #expect(presence.count(.general) == 1)
        #expect(presence.leave(.general, user("ann")) == .none)
        #expect(presence.leave(.general, user("ann")) == .left)
        #expect(presence.count(.general) == 0)
    }

    @Test func whoIsNotThereDoesNotLeave() {
        var presence = Presence()
        #expect(presence.leave(.general, user("ann")) == .none)
        _ = presence.join(.general, user("ann"), name: "Ann", at: start)
        #expect(presence.leave(.random, user("ann")) == .none)
        #expect(presence.leave(.general, user("bob")) == .none)
        #expect(presence.count(.general) == 1)
    }

    @Test func roomsDoNotKnowOfEachOther() {
        var presence = Presence()
        #expect(presence.join(.general, user("ann"), name: "Ann", at: start) == .joined)
        #expect(presence.join(.random, user("ann"), name: "Ann", at: start) == .joined)
        #expect(presence.leave(.general, user("ann")) == .left)
        #expect(presence.count(.random) == 1)
    }

    @Test func aMemberIsShownSinceItsFirstConnectionWithAllOfThem() {
        var presence = Presence()
        _ = presence.join(.general, user("ann"), name: "Ann", at: start)
        _ = presence.join(.general, user("ann"), name: "Annie", at: Timestamp(milliseconds: 2000))
        let shown = presence.page(.general, after: nil, limit: 10).members
        #expect(shown == [.init(user: user("ann"), name: "Ann", since: start, connections: 2)])
    }

    @Test func whoComesBackIsThereSinceThen() {
        var presence = Presence()
        _ = presence.join(.general, user("ann"), name: "Ann", at: start)
        _ = presence.leave(.general, user("ann"))
        _ = presence.join(.general, user("ann"), name: "Annie", at: Timestamp(milliseconds: 2000))
        let shown = presence.page(.general, after: nil, limit: 10).members.first
        #expect(shown?.name == "Annie")
        #expect(shown?.since.milliseconds == 2000)
    }

    @Test func above500MembersARoomHearsCountsInsteadOfNames() {
        var presence = full(499)
        #expect(presence.join(.general, user("m500"), name: "", at: start) == .joined)
        #expect(presence.takeCounts(at: .at(1000)).isEmpty)
        #expect(presence.join(.general, user("m501"), name: "", at: start) == .none)
        #expect(presence.takeCounts(at: .at(2000)).map(\.count) == [501])
        #expect(presence.takeCounts(at: .at(3000)).isEmpty)
        #expect(presence.leave(.general, user("m501")) == .left)
        #expect(presence.takeCounts(at: .at(4000)).isEmpty)
    }

    @Test func manyChangesOfALargeRoomGiveOneCountAndOthersNone() {
        var presence = full(510)
        _ = presence.takeCounts(at: .at(1000))
        _ = presence.join(.random, user("ann"), name: "", at: start)
        #expect(presence.leave(.general, user("u1000")) == .none)
        #expect(presence.leave(.general, user("u1001")) == .none)
        #expect(presence.join(.general, user("u1002"), name: "", at: start) == .none)
        let counts = presence.takeCounts(at: .at(2000))
        #expect(counts.map(\.room) == [.general])
        #expect(counts.map(\.count) == [508])
    }

    @Test func theLargerARoomTheLessOftenItIsToldItsCount() {
        var presence = full(4001)
        #expect(presence.takeCounts(at: .at(0)).map(\.count) == [4001])
        _ = presence.leave(.general, user("u1000"))
        #expect(presence.takeCounts(at: .at(1999)).isEmpty)
        #expect(presence.takeCounts(at: .at(2000)).map(\.count) == [4000])
        #expect(presence.takeCounts(at: .at(9000)).isEmpty)
    }

    @Test func aSecondConnectionChangesNoCount() {
        var presence = full(510)
        _ = presence.takeCounts(at: .at(1000))
        _ = presence.join(.general, user("u1000"), name: "", at: start)
        _ = presence.leave(.general, user("u1000"))
        #expect(presence.takeCounts(at: .at(2000)).isEmpty)
    }

    @Test(arguments: [1, 2, 7, 49, 50, 51, 1000])
    func pagesShowEveryMemberOnceInOrder(_ limit: Int) {
        let presence = full(50)
        var (shown, cursor): ([UserID], UserID?) = ([], nil)
        var pages = 0
        repeat {
            let page = presence.page(.general, after: cursor, limit: limit)
            #expect(page.room == .general && page.count == 50)
            #expect(page.members.count <= limit)
            shown += page.members.map(\.user)
            cursor = page.next
            pages += 1
        } while cursor != nil && pages < 100
        #expect(shown == (1000..<1050).map { user("u\($0)") })
        #expect(pages == (50 + limit - 1) / limit)
    }

    @Test func aPageGoesOnAfterAMemberWhoHasLeft() {
        var presence = full(5)
        _ = presence.leave(.general, user("u1001"))
        let page = presence.page(.general, after: user("u1001"), limit: 2)
        #expect(page.members.map(\.user.text) == ["u1002", "u1003"])
        #expect(page.next == user("u1003"))
        #expect(page.count == 4)
    }

    @Test func anUnknownRoomIsEmpty() {
        let page = Presence().page(.general, after: nil, limit: 10)
        #expect(page == PresencePage(room: .general, count: 0, members: [], next: nil))
    }

    /// Against a list of connections.
    @Test(arguments: 1...10)
    func itCountsWhatAListWould(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var presence = Presence()
        var connections: [[String]] = [[], []]
        let rooms = [RoomName.general, .random]
        for _ in 0..<2000 {
            let (which, name) = (generator.below(2), "u\(generator.below(8))")
            if generator.below(2) == 0 {
                let change = presence.join(rooms[which], user(name), name: name, at: start)
                #expect(change == (connections[which].contains(name) ? .none : .joined))
                connections[which].append(name)
            } else {
                let at = connections[which].firstIndex(of: name)
                if let at { connections[which].remove(at: at) }
                let isGone = at != nil && !connections[which].contains(name)
                #expect(presence.leave(rooms[which], user(name)) == (isGone ? .left : .none))
            }
            let members = presence.page(rooms[which], after: nil, limit: 100).members
            #expect(members.map(\.user.text) == Set(connections[which]).sorted())
            #expect(members.map(\.connections).reduce(0, +) == connections[which].count)
        }
    }
}
