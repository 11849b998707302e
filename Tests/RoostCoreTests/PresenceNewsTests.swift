import RoostCore
import Testing

/// What is gathered for a moment before rooms are told.
@Suite struct PresenceNewsTests {
    private let now = Timestamp(milliseconds: 1000)
    private let ann = user("ann")

    @Test func whoComesIsNewsExceptToItself() {
        var news = PresenceNews()
        #expect(news.isEmpty)
        news.joined(.general, ann, name: "Ann", except: 7)
        #expect(!news.isEmpty)
        let taken = news.take()
        #expect(taken.map(\.room) == [.general])
        #expect(
            taken.first?.items == [.init(event: .userJoined(room: .general, user: ann, name: "Ann"), except: 7)])
        #expect(news.isEmpty && news.take().isEmpty)
    }

    @Test func whoLeavesAndComesBackOrComesAndLeavesIsNoNews() {
        var news = PresenceNews()
        news.left(.general, ann, name: "Ann", at: now, except: 7)
        news.joined(.general, ann, name: "Ann", except: 8)
        #expect(news.isEmpty)
        news.joined(.general, ann, name: "Ann", except: 8)
        news.left(.general, ann, name: "Ann", at: now, except: 8)
        #expect(news.isEmpty && news.take().isEmpty)
    }

    @Test func whatWasToldIsNotTakenBackSilently() {
        var news = PresenceNews()
        news.left(.general, ann, name: "Ann", at: now, except: 7)
        _ = news.take()
        news.joined(.general, ann, name: "Ann", except: 8)
        #expect(
            news.take().first?.items == [.init(event: .userJoined(room: .general, user: ann, name: "Ann"), except: 8)])
    }

    /// Ann left, somebody was told who is there, Ann is back: that one has to hear of it.
    @Test func whoWasToldWhoIsThereHearsWhatChangesAfterwards() {
        var news = PresenceNews()
        news.left(.general, ann, name: "Ann", at: now, except: 7)
        news.settle(.general)
        #expect(!news.isEmpty)
        news.joined(.general, ann, name: "Ann", except: 7)
        news.settle(.random)
        let items = news.take().first?.items
        #expect(
            items == [
                .init(event: .userLeft(room: .general, user: ann, name: "Ann", lastSeen: now), except: 7),
                .init(event: .userJoined(room: .general, user: ann, name: "Ann"), except: 7),
            ])
        #expect(news.isEmpty && news.take().isEmpty)
    }

    /// A listener who believes what it is told knows in the end who is there; so does one that asks now and then.
    @Test(arguments: 1...10)
    func aListenerKnowsWhoIsThere(_ seed: Int) {
        var generator = SeededGenerator(seed: seed)
        var news = PresenceNews()
        var (present, believed, asking): (Set<String>, Set<String>, Set<String>) = ([], [], [])
        for _ in 0..<2000 {
            let (name, who) = (generator.oneIn(2) ? RoomName.general : .random, user("u\(generator.below(4))"))
            if present.remove("\(name) \(who)") != nil {
                news.left(name, who, name: "", at: now, except: 0)
            } else {
                present.insert("\(name) \(who)")
                news.joined(name, who, name: "", except: 0)
            }
            if generator.oneIn(4) {
                for name in [RoomName.general, .random] { news.settle(name) }
                asking = present
            }
            guard generator.oneIn(5) else { continue }
            for (told, items) in news.take() {
                for item in items {
                    switch item.event {
                    case .userJoined(told, let user, _):
                        #expect(believed.insert("\(told) \(user)").inserted)
                        asking.insert("\(told) \(user)")
                    case .userLeft(told, let user, _, now):
                        #expect(believed.remove("\(told) \(user)") != nil)
                        asking.remove("\(told) \(user)")
                    default: Issue.record("\(item)")
                    }
                }
            }
            #expect(believed == present && asking == present)
        }
    }
}
