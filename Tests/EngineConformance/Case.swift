import RoostCore
public import RoostEngine

/// One promise that every store keeps, as a function that throws where it does not.
public struct Case: Sendable, CustomStringConvertible {
    public let name: String
    public let run: @Sendable (StoreFactory) async throws -> Void

    init(_ name: String, _ run: @escaping @Sendable (StoreFactory) async throws -> Void) {
        self.name = name
        self.run = run
    }

    public var description: String { name }

    /// The whole suite.
    public static let all: [Case] =
        appending + deduplicating + retrying + reading + retention + deletion + rooms + access + directory + marks
        + living + model
}

/// Makes the stores that a case needs, and closes them after it.
public struct StoreFactory: Sendable {
    /// A new, empty store.
    public let make: @Sendable (StoreOptions) async throws -> any Store
    /// The store that was made last and has been closed since, opened again. Nil for engines that keep nothing.
    public let reopen: (@Sendable (StoreOptions) async throws -> any Store)?
    /// How long a case goes that can go on as long as one likes; fewer for engines behind a slow emulator.
    let steps: Int

    public init(
        make: @escaping @Sendable (StoreOptions) async throws -> any Store,
        reopen: (@Sendable (StoreOptions) async throws -> any Store)? = nil, steps: Int = 250
    ) {
        self.make = make
        self.reopen = reopen
        self.steps = steps
    }

    func callAsFunction(_ options: StoreOptions = StoreOptions()) async throws -> any Store {
        try await make(options)
    }
}

/// What a case expected and did not get.
public struct Mismatch: Error, CustomStringConvertible {
    public let description: String
}

func expect(
    _ condition: Bool, _ what: @autoclosure () -> String = "it does not hold", file: StaticString = #fileID,
    line: UInt = #line
) throws {
    if !condition { throw Mismatch(description: "\(file):\(line): \(what())") }
}

func expect<T: Equatable>(_ value: T, is expected: T, file: StaticString = #fileID, line: UInt = #line) throws {
    try expect(value == expected, "got \(value), expected \(expected)", file: file, line: line)
}

func require<T>(_ value: T?, file: StaticString = #fileID, line: UInt = #line) throws -> T {
    guard let value else { throw Mismatch(description: "\(file):\(line): there is nothing") }
    return value
}

func expectClosed<T>(
    file: StaticString = #fileID, line: UInt = #line, _ body: () async throws(StoreError) -> T
) async throws {
    do throws(StoreError) {
        _ = try await body()
    } catch {
        return try expect(error, is: .closed, file: file, line: line)
    }
    throw Mismatch(description: "\(file):\(line): nothing was thrown")
}

// Short names for what cases are made of. Texts that are no valid names fail the case.

func room(_ text: String) throws -> RoomName { try require(RoomName(text)) }

func user(_ text: String) throws -> UserID { try require(UserID(text)) }

func time(_ milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds) }

func draft(
    _ id: String, from sender: String = "alice", to place: String = "general", content: String? = nil,
    by authority: Authority = .member, since: Position? = nil
) throws -> Draft {
    let content = RawJSON(validated: Array((content ?? "\"\(id)\"").utf8))
    return Draft(
        room: try room(place), sender: try user(sender), id: try require(MessageID(id)), content: content,
        authority: authority, since: since)
}

/// A tombstone for the message at `seq`.
func tombstone(_ id: String, of seq: UInt64, from sender: String = "alice", to place: String = "general") throws
    -> Draft
{
    let content = RawJSON(validated: Array("{\"ref\":\"x\",\"refSeq\":\(seq)}".utf8))
    return Draft(
        room: try room(place), sender: try user(sender), id: try require(MessageID(id)), kind: .deleted,
        content: content, redacts: seq)
}

/// Rooms that match get a kind; the first match counts.
func kinds(_ rules: [(String, @Sendable (inout RoomKind) -> Void)]) throws -> Kinds {
    Kinds(
        try rules.map { pattern, change in
            var kind = RoomKind()
            change(&kind)
            return Kinds.Rule(match: try require(RoomPattern(pattern)), kind: kind)
        })
}

extension Store {
    /// Appends one draft.
    func say(_ draft: Draft, at now: Int64 = 1000) async throws -> Verdict {
        let appended = try await append([draft], at: time(now))
        try expect(appended.verdicts.count, is: 1)
        return try require(appended.verdicts.first)
    }

    /// Appends `count` messages with ids `PREFIX1`… to a room, in one batch as far as the store takes it.
    func fill(_ count: Int, to place: String = "general", prefix: String = "m", at now: Int64 = 1000) async throws {
        var drafts = try (1...count).map { try draft("\(prefix)\($0)", to: place) }
        // On a slow machine a store may take only the first of them in the time that it has for an append.
        while !drafts.isEmpty {
            let verdicts = try await append(drafts, at: time(now)).verdicts
            let refused = zip(drafts, verdicts).filter { if case .rejected = $1 { true } else { false } }
            try expect(refused.count < drafts.count, is: true)
            drafts = refused.map(\.0)
        }
    }

    /// The whole log of a room.
    func log(_ place: String = "general") async throws -> [Message] {
        let name = try require(RoomName(place))
        return try require(try await read(name, after: 0, limit: .max, maxBytes: .max)).messages
    }

    /// Has everything dropped that is due.
    func retainAll(at now: Int64) async throws {
        for _ in 0..<100_000 where try await !retain(at: time(now)) { return }
        throw Mismatch(description: "retain finds no end")
    }

    /// The position `seq` in the room's present epoch.
    func position(_ seq: UInt64, in place: String = "general") async throws -> Position {
        Position(epoch: try require(try await head(place)).epoch, seq: seq)
    }

    func head(_ place: String = "general") async throws -> RoomHead? {
        let name = try require(RoomName(place))
        return try await heads([name])[name]
    }
}

extension Verdict {
    var seq: UInt64? {
        if case .stored(let seq, _, _) = self { seq } else { nil }
    }

    var code: ErrorCode? {
        if case .rejected(let failure) = self { failure.code } else { nil }
    }

    static func new(_ seq: UInt64, at: Int64 = 1000) -> Verdict { .stored(seq: seq, at: time(at), duplicate: false) }

    static func old(_ seq: UInt64, at: Int64 = 1000) -> Verdict { .stored(seq: seq, at: time(at), duplicate: true) }
}

extension Result where Failure == RoostCore.Failure {
    var code: ErrorCode? {
        if case .failure(let failure) = self { failure.code } else { nil }
    }
}
