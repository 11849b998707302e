import RoostCore
import Testing

/// What tokens allow.
@Suite struct GrantsTests {
    private func grants(_ entries: [(String, Set<Right>)]) -> Grants {
        Grants(
            entries.map { text, rights in
                guard let match = RoomPattern(text) else { fatalError("no pattern: \(text)") }
                return Grants.Entry(match: match, rights: rights)
            })
    }

    @Test func withoutEntriesEverythingIsAllowedButModeration() {
        for right in Right.allCases {
            #expect(Grants.all.allows(right, in: .general) == (right != .moderate))
            #expect(!Grants([]).allows(right, in: .general))
        }
    }

    @Test func theUsualRightsAreAllButModeration() {
        #expect(Grants.usual == Set(Right.allCases).subtracting([.moderate]))
    }

    /// To moderate rooms, even all of them, is not to moderate users.
    @Test func usersAreModeratedByWhoModeratesTheirOwnRoomsByName() throws {
        let (ann, bob) = (user("ann"), user("b o b"))
        #expect(!Grants.all.allowsModerating(ann))
        for text in ["*", "u*", "user*", "user:b*"] { #expect(!grants([(text, [.moderate])]).allowsModerating(ann)) }
        #expect(!grants([("user:*", Grants.usual)]).allowsModerating(ann))
        for text in ["user:*", "user:ann", "user:a*"] { #expect(grants([(text, [.moderate])]).allowsModerating(ann)) }
        // That one has no room.
        #expect(grants([("user:*", [.moderate])]).allowsModerating(bob))
        #expect(!grants([("user:b*", [.moderate])]).allowsModerating(bob))
    }

    /// Two entries with all pairs of sets of rights: a right that any matching entry gives is given, no other.
    @Test func rightsOfMatchingEntriesAddUp() {
        let sets = (0..<32).map { bits in Set(Right.allCases.enumerated().filter { bits >> $0.0 & 1 == 1 }.map(\.1)) }
        for first in sets {
            for second in sets {
                let grants = grants([("team-*", first), ("*-a", second)])
                for right in Right.allCases {
                    #expect(grants.allows(right, in: room("team-b")) == first.contains(right))
                    #expect(grants.allows(right, in: room("club-a")) == second.contains(right))
                    #expect(grants.allows(right, in: room("team-a")) == first.union(second).contains(right))
                    #expect(!grants.allows(right, in: room("club")))
                }
            }
        }
    }

    @Test(
        arguments: [
            ("*", [.publish], false), ("user*", [.publish], false), ("user:*", [.publish], true),
            ("user:ann", [.publish], true), ("user:bob", [.publish], false), ("user:a*", [.publish], true),
            ("user:*", [.join, .history, .presence, .moderate], false), ("*:ann", [.publish], false),
        ] as [(String, Set<Right>, Bool)])
    func onlyWhoNamesPersonalRoomsOutrightServesThem(_ pattern: String, _ rights: Set<Right>, _ serves: Bool) {
        #expect(grants([(pattern, rights)]).allowsServing(room("user:ann")) == serves)
    }

    @Test func whoMayDoEverythingDoesNotServePersonalRooms() {
        #expect(!Grants.all.allowsServing(room("user:ann")))
    }
}
