import NIOCore
import RoostCore
import RoostEngine

/// The connection that commands and posts go out on, all in one pipeline.
final class CommandLink {
    typealias Completion = (Result<RespValue, BusError>) -> Void

    /// What still waits for its answer, in the order of answers.
    private enum Expected {
        case answer(Completion, until: Moment)
        /// Answers that nobody waits for: of pings, of ASKING, of what took too long.
        case ignored(Int)
        /// Posts; the answers count who heard them, which tells us nothing. Kept where they may have to go elsewhere.
        case posts([BusPost], answered: Int)
        case countedPosts(Int)
    }

    private struct Waiting {
        var command: RespCommand
        var completion: Completion
        var isAsking: Bool
        var until: Moment
    }

    enum News {
        case ready
        case lost(BusError)
        /// A post was refused; it may go elsewhere.
        case refused(BusPost?, String)
    }

    static let answerMs: Int64 = 5000
    static let maxUnsentBytes = 32 << 20

    let link: Link
    private let keys: Keys
    /// `SPUBLISH` reaches who listens on the slot's server, `PUBLISH` everybody.
    private let verb: StaticString
    private let keepsPosts: Bool
    private var wire: RespWire?
    private var expected = CircularBuffer<Expected>()
    /// For the first connection.
    private var waiting: [Waiting] = []
    private var lastError: BusError?
    private var tell: (News) -> Void = { _ in }

    private(set) var published: UInt64 = 0
    private(set) var dropped: UInt64 = 0

    init(_ link: Link, keys: Keys, isSharded: Bool) {
        self.link = link
        self.keys = keys
        verb = isSharded ? "SPUBLISH" : "PUBLISH"
        keepsPosts = isSharded
    }

    var isReady: Bool { wire != nil }

    func start(_ tell: @escaping (News) -> Void) {
        self.tell = tell
        link.start { [unowned self] in take($0) }
    }

    func stop(_ error: BusError) {
        tell = { _ in }
        link.stop()
        fail(error)
    }

    // MARK: Sending

    /// - Parameter completion: called once, on the loop, within 5 s.
    func send(_ command: RespCommand, isAsking: Bool = false, _ completion: @escaping Completion) {
        let until = Moment.now + CommandLink.answerMs
        guard let wire else {
            guard link.isHopeful else { return completion(.failure(lastError ?? link.peer.closed)) }
            let one = Waiting(command: command, completion: completion, isAsking: isAsking, until: until)
            return waiting.append(one)
        }
        guard wire.unsent < CommandLink.maxUnsentBytes else { return completion(.failure(link.peer.overfull)) }
        wire.send {
            if isAsking { $0.writeCommand(RespCommand(["ASKING"])) }
            $0.writeCommand(command)
        }
        if isAsking { ignore(1) }
        expected.append(.answer(completion, until: until))
    }

    /// Sends posts, or drops them.
    func publish(_ posts: [BusPost]) {
        guard let wire, wire.unsent < CommandLink.maxUnsentBytes else {
            dropped += UInt64(posts.count)
            return
        }
        published += UInt64(posts.count)
        wire.send { out in
            for post in posts { out.writePost(verb, keys.channel(post.channel), post.bytes) }
        }
        if keepsPosts { return expected.append(.posts(posts, answered: 0)) }
        guard case .countedPosts(let count)? = expected.last else { return expected.append(.countedPosts(posts.count)) }
        expected[expected.index(before: expected.endIndex)] = .countedPosts(count + posts.count)
    }

    private func ignore(_ count: Int) {
        guard case .ignored(let others)? = expected.last else { return expected.append(.ignored(count)) }
        expected[expected.index(before: expected.endIndex)] = .ignored(others + count)
    }

    // MARK: Answers

    private func take(_ news: Link.News) {
        switch news {
        case .ready(let wire):
            self.wire = wire
            let first = waiting
            waiting = []
            for one in first { send(one.command, isAsking: one.isAsking, one.completion) }
            tell(.ready)
        case .replies(let replies):
            for reply in replies { take(reply) }
        case .ping:
            wire?.send { $0.writeCommand(RespCommand(["PING"])) }
            ignore(1)
        case .lost(let error):
            wire = nil
            lastError = error
            fail(error)
            tell(.lost(error))
        }
    }

    private func take(_ reply: RespValue) {
        // Nothing was asked for that would be pushed here.
        if case .push = reply { return }
        guard let first = expected.first else { return link.giveUp(link.peer.outOfStep) }
        switch first {
        case .answer(let completion, _):
            expected.removeFirst()
            completion(.success(reply))
        case .ignored(let count): shorten(count) { .ignored($0) }
        case .countedPosts(let count):
            shorten(count) { .countedPosts($0) }
            if case .error(let text) = reply { refuse(nil, text) }
        case .posts(let posts, let answered):
            if answered + 1 == posts.count {
                expected.removeFirst()
            } else {
                expected[expected.startIndex] = .posts(posts, answered: answered + 1)
            }
            if case .error(let text) = reply { refuse(posts[answered], text) }
        }
    }

    private func shorten(_ count: Int, _ rest: (Int) -> Expected) {
        if count == 1 { expected.removeFirst() } else { expected[expected.startIndex] = rest(count - 1) }
    }

    private func refuse(_ post: BusPost?, _ text: String) {
        published -= 1
        dropped += 1
        tell(.refused(post, text))
    }

    /// A post that was refused here has gone elsewhere.
    func takeBackDrop() { dropped -= 1 }

    private func fail(_ error: BusError) {
        let failed = expected
        expected.removeAll()
        for one in failed {
            switch one {
            case .answer(let completion, _): completion(.failure(error))
            case .posts(let posts, let answered): countLost(posts.count - answered)
            case .countedPosts(let count): countLost(count)
            case .ignored: break
            }
        }
        let first = waiting
        waiting = []
        for one in first { one.completion(.failure(error)) }
    }

    /// Whether these were heard is not known; they are counted as dropped.
    private func countLost(_ count: Int) {
        published -= UInt64(count)
        dropped += UInt64(count)
    }

    // MARK: Time

    func tick() {
        link.tick()
        let now = Moment.now
        for index in expected.indices {
            guard case .answer(let completion, let until) = expected[index] else { continue }
            guard until < now else { break }
            expected[index] = .ignored(1)
            completion(.failure(link.peer.unanswered))
        }
        while let first = waiting.first, first.until < now {
            waiting.removeFirst()
            first.completion(.failure(lastError ?? link.peer.unanswered))
        }
    }
}
