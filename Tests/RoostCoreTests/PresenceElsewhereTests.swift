import RoostCore
import Testing

/// The union of what all nodes say about who is in a room.
@Suite struct PresenceElsewhereTests {
    private let here = NodeID(random: 1)
    private let there = NodeID(random: 2)
    private let start = Timestamp(milliseconds: 1000)

    private func attendee(_ connections: Int = 1, since: Int64 = 1000) -> Attendee {
        Attendee(name: "Ann", since: Timestamp(milliseconds: since), connections: connections)
    }

    @Test func onlyTheFirstAndTheLastNodeOfAUserAreHeardOf() {
        var presence = Presence()
        #expect(presence.place(.general, user("ann"), attendee(), by: here)?.change == .joined)
        #expect(presence.place(.general, user("ann"), attendee(2), by: there) == nil)
        #expect(presence.join(.general, user("ann"), name: "Ann", at: start) == .none)
        #expect(presence.page(.general, after: nil, limit: 10).members.map(\.connections) == [4])
        #expect(presence.place(.general, user("ann"), nil, by: here) == nil)
        #expect(presence.leave(.general, user("ann")) == .none)
        #expect(presence.place(.general, user("ann"), nil, by: there)?.change == .left)
        #expect(presence.count(.general) == 0)
    }

    @Test func theLocalOneLeavesLast() {
        var presence = Presence()
        #expect(presence.join(.general, user("ann"), name: "Ann", at: start) == .joined)
        _ = presence.place(.general, user("ann"), attendee(since: 10), by: there)
        #expect(presence.page(.general, after: nil, limit: 1).members.first?.since == Timestamp(milliseconds: 10))
        #expect(presence.place(.general, user("ann"), nil, by: there) == nil)
        #expect(presence.leave(.general, user("ann")) == .left)
    }

    @Test func whoWasSentAwayByADrainElsewhereIsShownForAWhile() {
        var presence = Presence()
        let now = Moment(milliseconds: 0)
        _ = presence.place(.general, user("ann"), attendee(), by: there)
        #expect(presence.place(.general, user("ann"), nil, by: there, lingeringUntil: now + 5000) == nil)
        #expect(presence.expire(at: now + 4999).isEmpty)
        #expect(presence.place(.general, user("ann"), attendee(), by: here) == nil)
        #expect(presence.expire(at: now + 6000).isEmpty)
        #expect(presence.place(.general, user("ann"), nil, by: here, lingeringUntil: now + 7000) == nil)
        #expect(presence.expire(at: now + 7000).map(\.user) == [user("ann")])
    }

    @Test func aDeadNodesUsersAreGoneAtOnce() {
        var presence = Presence()
        for id in ["ann", "bob", "eve"] { _ = presence.place(.general, user(id), attendee(), by: there) }
        _ = presence.join(.general, user("bob"), name: "Bob", at: start)
        #expect(presence.rooms(of: there) == [.general])
        let changes = presence.replace(.general, by: there, with: [:])
        #expect(Set(changes.map(\.user)) == [user("ann"), user("eve")])
        #expect(changes.allSatisfy { $0.change == .left })
        #expect(presence.rooms(of: there).isEmpty)
    }

    @Test func allThatANodeSaysReplacesWhatItSaid() {
        var presence = Presence()
        _ = presence.replace(.general, by: there, with: [user("ann"): attendee(), user("bob"): attendee()])
        let changes = presence.replace(.general, by: there, with: [user("bob"): attendee(), user("eve"): attendee()])
        #expect(Set(changes.map { "\($0.user) \($0.change)" }) == ["ann left", "eve joined"])
    }

    @Test func whatThisNodeSaysIsItsOwnConnectionsOnly() {
        var presence = Presence()
        _ = presence.place(.general, user("ann"), attendee(5), by: there)
        #expect(presence.attendee(.general, user("ann")) == nil)
        #expect(!presence.isAttended(.general))
        _ = presence.join(.general, user("ann"), name: "Ann", at: start)
        #expect(presence.attendee(.general, user("ann"))?.connections == 1)
        #expect(presence.isAttended(.general))
        #expect(presence.attended.map(\.user) == [user("ann")])
        _ = presence.leave(.general, user("ann"))
        #expect(!presence.isAttended(.general))
    }

    @Test func whatOthersSayIsForgottenQuietly() {
        var presence = Presence()
        _ = presence.place(.general, user("ann"), attendee(), by: there)
        _ = presence.join(.general, user("bob"), name: "Bob", at: start)
        presence.forgetElsewhere(.general)
        #expect(presence.page(.general, after: nil, limit: 10).members.map(\.user) == [user("bob")])
        #expect(presence.place(.general, user("ann"), attendee(), by: there)?.change == .joined)
    }
}
