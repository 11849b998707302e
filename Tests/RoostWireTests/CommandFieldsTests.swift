import RoostCore
import RoostWire
import Testing

/// The fields of commands: names, positions, lists of users.
@Suite struct CommandFieldsTests {
    private func outcome<Value: Equatable>(
        _ text: String, _ read: (JSONFields) throws -> Value?
    ) -> (value: Value?, code: ErrorCode?) {
        do { return (try withFields(text, read), nil) } catch {
            return (nil, (error as? JSONFields.Mismatch)?.code)
        }
    }

    @Test(
        arguments: [
            (#"{"room":"general"}"#, "general", nil), (#"{"room":"\u0067eneral"}"#, "general", nil),
            ("{}", nil, .badFrame),
            (#"{"room":null}"#, nil, .badFrame), (#"{"room":1}"#, nil, .badFrame), (#"{"room":""}"#, nil, .invalid),
            (#"{"room":"a b"}"#, nil, .invalid), (#"{"room":"é"}"#, nil, .invalid),
        ] as [(String, String?, ErrorCode?)])
    func aRoomIsGivenAndLegal(_ text: String, _ name: String?, _ code: ErrorCode?) {
        let (value, error) = outcome(text) { try $0.room() }
        #expect(value?.text == name)
        #expect(error == code)
    }

    @Test(
        arguments: [
            (#"{"u":"ann"}"#, "ann", nil), ("{}", nil, nil), (#"{"u":null}"#, nil, nil), (#"{"u":1}"#, nil, .badFrame),
            (#"{"u":""}"#, nil, .invalid), (#"{"u":"a\n"}"#, nil, .invalid), (#"{"u":"\ud800"}"#, nil, .badFrame),
        ] as [(String, String?, ErrorCode?)])
    func aUserOrMessageIDMayBeAbsentButNotIllegal(_ text: String, _ name: String?, _ code: ErrorCode?) {
        let (value, error) = outcome(text) { try $0.user("u") }
        #expect(value?.text == name)
        #expect(error == code)
        let (message, messageError) = outcome(text) { try $0.messageID("u") }
        #expect(message?.text == name)
        #expect(messageError == code)
    }

    @Test(
        arguments: [
            (#"{"u":["ann","bob","ann"]}"#, ["ann", "bob", "ann"], nil), ("{}", [], nil), (#"{"u":null}"#, [], nil),
            (#"{"u":[]}"#, [], nil), (#"{"u":["ann",""]}"#, nil, .invalid), (#"{"u":["ann",1]}"#, nil, .badFrame),
            (#"{"u":"ann"}"#, nil, .badFrame),
        ] as [(String, [String]?, ErrorCode?)])
    func usersAreAListOfLegalIDs(_ text: String, _ names: [String]?, _ code: ErrorCode?) {
        let (value, error) = outcome(text) { try $0.users("u") }
        #expect(value?.map(\.text) == names)
        #expect(error == code)
    }

    @Test(arguments: [
        (#"{"epoch":"e","seq":42}"#, Cursor(epoch: epoch("e"), seq: 42)),
        (#"{"seq":0,"epoch":"E9"}"#, Cursor(epoch: epoch("E9"), seq: 0)),
        (#""e:42""#, Cursor(epoch: epoch("e"), seq: 42)), (#"{"seq":42}"#, Cursor(epoch: nil, seq: 42)),
        (#"{"seq":42,"epoch":null}"#, Cursor(epoch: nil, seq: 42)), ("42", Cursor(epoch: nil, seq: 42)),
        (#""42""#, Cursor(epoch: nil, seq: 42)),
    ])
    func aCursorIsAnObjectOrTextAndItsEpochMayBeMissing(_ value: String, _ cursor: Cursor) {
        let (read, error) = outcome("{\"after\":\(value)}") { try $0.cursor("after") }
        #expect(read == cursor)
        #expect(error == nil)
        let (position, positionError) = outcome("{\"after\":\(value)}") { try $0.position("after") }
        #expect(position == cursor.epoch.map { Position(epoch: $0, seq: cursor.seq) })
        #expect(positionError == (cursor.epoch == nil ? .badFrame : nil))
    }

    @Test(arguments: [
        "{}", #"{"epoch":"e"}"#, #"{"epoch":"e","seq":-1}"#, #"{"epoch":"e","seq":"1"}"#, #"{"epoch":"e","seq":1.5}"#,
        #"{"epoch":"","seq":1}"#, #"{"epoch":"a-b","seq":1}"#, #"{"epoch":7,"seq":1}"#, #""""#, #""e:""#, #""e""#,
        #""e:-1""#,
        "-1", "1.5", "1e2", "true", "[]", #"["e",1]"#, #""\ud800""#, #"{"epoch":"e","seq":18446744073709551616}"#,
    ])
    func anythingElseIsNoCursor(_ value: String) {
        let (read, error) = outcome("{\"after\":\(value)}") { try $0.cursor("after") }
        #expect(read == nil)
        #expect(error == .badFrame)
    }

    @Test func noPositionIsNoMismatch() throws {
        #expect(try withFields("{}") { try $0.position("after") } == nil)
        #expect(try withFields(#"{"after":null}"#) { try $0.cursor("after") } == nil)
    }

    @Test(
        arguments: [
            (#"{"visibility":"public"}"#, Visibility.public, nil), (#"{"visibility":"private"}"#, .private, nil),
            ("{}", nil, nil),
            (#"{"visibility":"Public"}"#, nil, .invalid), (#"{"visibility":""}"#, nil, .invalid),
            (#"{"visibility":1}"#, nil, .badFrame),
        ] as [(String, Visibility?, ErrorCode?)])
    func aVisibilityIsPublicOrPrivate(_ text: String, _ visibility: Visibility?, _ code: ErrorCode?) {
        let (value, error) = outcome(text) { try $0.visibility() }
        #expect(value == visibility)
        #expect(error == code)
    }

    @Test func aRoomIsPublicAndUnnamedUnlessSaidOtherwise() throws {
        let plain = try withFields(#"{"participants":["ann"]}"#) { try $0.roomWish() }
        #expect(plain == .init(name: nil, participants: [user("ann")], visibility: .public))
        let full = try withFields(#"{"participants":[],"name":"Tea","visibility":"private"}"#) { try $0.roomWish() }
        #expect(full == .init(name: "Tea", participants: [], visibility: .private))
    }

    @Test func participantsMustBeListedWhereTheyAreNeeded() throws {
        for text in [#"{"name":"tea"}"#, #"{"name":"tea","participants":null}"#] {
            #expect(outcome(text) { try $0.roomWish() }.code == .badFrame)
            let wish = try withFields(text) { try $0.roomWish(needsParticipants: false) }
            #expect(wish == .init(name: "tea", participants: [], visibility: .public))
        }
    }
}
