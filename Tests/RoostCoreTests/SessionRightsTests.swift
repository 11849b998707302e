import RoostCore
import Testing

/// Every command under every set of rights, in every kind of room: who may do what.
@Suite struct SessionRightsTests {
    /// One combination of what a right may depend on.
    struct Case {
        var rights: Set<Right>
        var kind: RoomKind
        var target: RoomName
        var isIn: Bool

        /// The user's own room, somebody else's, or an ordinary one.
        var isOwn: Bool { target.owner == user("ann") }
        var isOrdinary: Bool { target.owner == nil }
        /// Rights are given for `*`, which does not serve personal rooms.
        var publishes: Bool {
            isOrdinary && rights.contains(.publish) && (kind.publish == .members || rights.contains(.moderate))
        }
        var enters: Bool { isOwn || isOrdinary && rights.contains(.join) }
        var readsBack: Bool {
            (isOwn || isOrdinary && rights.contains(.history)) && kind.history == .members
        }

        var desk: SessionDesk {
            guard let all = RoomPattern("*") else { fatalError("no pattern") }
            var desk = SessionDesk("ann", anonymous: false, limits: limits { $0.rateMessages = 0 })
            desk.session.renew(Grants([.init(match: all, rights: rights)]), name: "ANN")
            desk.kinds = Kinds([.init(match: all, kind: kind)])
            desk.rooms = isIn ? [target] : []
            return desk
        }
    }

    static let cases: [Case] = {
        var cases: [Case] = []
        for bits in 0..<32 {
            let rights = Set(Right.allCases.enumerated().filter { bits >> $0.0 & 1 == 1 }.map(\.1))
            for publish in RoomKind.Publishers.allCases {
                for history in RoomKind.HistoryReaders.allCases {
                    for presence in RoomKind.PresenceMode.allCases {
                        var kind = RoomKind()
                        (kind.publish, kind.history, kind.presence) = (publish, history, presence)
                        for name in ["tea", "user:ann", "user:bob"] {
                            for isIn in [false, true] {
                                cases.append(Case(rights: rights, kind: kind, target: room(name), isIn: isIn))
                            }
                        }
                    }
                }
            }
        }
        return cases
    }()

    private func check(_ command: (Case) -> Command, _ expected: (Case) -> ErrorCode?) {
        var outcomes: Set<ErrorCode?> = []
        for each in Self.cases {
            var desk = each.desk
            let action = desk.handle(command(each), id: id("m"))
            #expect(action.refusal == expected(each), "\(each)")
            if action.refusal != nil { #expect(action.refusedRoom == each.target) }
            outcomes.insert(action.refusal)
        }
        #expect(outcomes.count > 1)
    }

    @Test func messages() {
        check {
            .message(room: $0.target, content: json("1"), kind: .message, sender: nil)
        } _: {
            $0.publishes ? nil : .forbidden
        }
    }

    @Test func typing() {
        for isActive in [false, true] {
            check {
                .typing(room: $0.target, isActive: isActive)
            } _: {
                !$0.isIn ? .conflict : $0.publishes ? nil : .forbidden
            }
        }
    }

    @Test func joins() {
        check {
            .join(.init(room: $0.target))
        } _: {
            $0.enters ? nil : .forbidden
        }
    }

    @Test func leavesAndMarks() {
        check {
            .leave($0.target)
        } _: {
            $0.isIn ? nil : .conflict
        }
        check {
            .mark(room: $0.target, Mark(received: 1))
        } _: {
            $0.isIn ? nil : .conflict
        }
    }

    @Test func history() {
        check {
            .history(.init(room: $0.target, turn: .latest, limit: nil))
        } _: {
            // Of somebody else's own room nobody reads, whatever the token says.
            $0.readsBack ? nil : .forbidden
        }
    }

    @Test func presence() {
        check {
            .presence(room: $0.target, after: nil)
        } _: {
            ($0.isOwn || $0.rights.contains(.presence)) && $0.kind.presence != .off ? nil : .forbidden
        }
    }

    @Test func pingsAndTokensNeedNoRights() {
        for each in Self.cases {
            var desk = each.desk
            #expect(desk.handle(.ping) == .answer(.pong))
            #expect(desk.handle(.auth(token: "t")) == .authenticate(token: "t"))
        }
    }

    @Test func whoMayNotJoinARoomDoesNotCreateIt() {
        for each in Self.cases where each.isOrdinary {
            var desk = each.desk
            let action = desk.handle(.createRoom(.init(name: "tea", participants: [], visibility: .public)))
            #expect(action.refusal == (each.rights.contains(.join) ? nil : .forbidden))
        }
    }

    /// What may not be asked for is taken out of a join, alone and among several.
    @Test func joinsAreCutDownToWhatIsAllowed() {
        for each in Self.cases where each.enters {
            var wish = Command.Join(
                room: each.target, after: Position(epoch: epoch("e"), seq: 4), history: 5, presence: true)
            var desk = each.desk
            let action = desk.handle(.join(wish))
            if !each.readsBack { (wish.isLiveOnly, wish.history) = (true, nil) }
            if each.isOrdinary, !each.rights.contains(.presence) { wish.presence = false }
            #expect(action == .join(wish), "\(each)")
        }
    }

    @Test func aServerPublishesToPersonalRoomsWithItsAuthority() {
        guard let personal = RoomPattern("user:*") else { fatalError("no pattern") }
        var desk = SessionDesk("server", anonymous: false)
        desk.session.renew(Grants([.init(match: personal, rights: [.publish])]), name: "")
        guard case .publish(let draft) = desk.say(room("user:bob")) else {
            Issue.record("not published")
            return
        }
        #expect(draft.authority == .server)
        #expect(desk.say(room("tea")).refusal == .forbidden)
    }

    @Test func nobodyWithATokenSpeaksAsSomebodyElse() {
        var desk = SessionDesk("ann", anonymous: false)
        #expect(desk.say(.general, as: "bob").refusal == .forbidden)
        #expect(desk.say(.general, as: "ann").refusal == nil)
    }

    @Test func signingInAgainChangesWhatIsAllowedAndTheNameButNotTheUser() {
        var desk = SessionDesk("ann", anonymous: false)
        #expect(desk.say(.general).refusal == nil)
        desk.session.renew(Grants([]), name: "Ann the Second")
        #expect(desk.say(.general).refusal == .forbidden)
        #expect(desk.session.identity.user == user("ann"))
        #expect(desk.session.identity.name == "Ann the Second")
    }
}
