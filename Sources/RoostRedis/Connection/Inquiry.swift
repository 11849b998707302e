import NIOCore
import RoostEngine

/// A connection for a few questions: it is opened, greeted if need be, asked, and closed.
enum Inquiry {
    /// What is to be answered within this, connecting included.
    private static let answerTime = TimeAmount.seconds(4)

    /// Asks, and gives the answers in order.
    /// - Parameter hello: nil: the questions come at once.
    /// - Returns: fails with a `BusError` only.
    static func ask(
        _ peer: Peer, _ questions: [RespCommand], hello: Greeting?, dialer: Dialer
    ) -> EventLoopFuture<[RespValue]> {
        let promise = dialer.loop.makePromise(of: [RespValue].self)
        let state = State(peer, questions, hello, promise)
        let wire = RespWire { wire, news in state.take(news, from: wire) }
        dialer.dial(peer.endpoint, wire).whenFailure { promise.fail(peer.unreachable($0)) }
        let timer = dialer.loop.scheduleTask(in: answerTime) { promise.fail(peer.silence) }
        let bound = NIOLoopBound(wire, eventLoop: dialer.loop)
        promise.futureResult.whenComplete { _ in
            timer.cancel()
            bound.value.close()
        }
        return promise.futureResult
    }

    private final class State {
        private let peer: Peer
        private let questions: [RespCommand]
        private var greeting: Greeting?
        private let promise: EventLoopPromise<[RespValue]>
        private var answers: [RespValue] = []

        init(
            _ peer: Peer, _ questions: [RespCommand], _ greeting: Greeting?, _ promise: EventLoopPromise<[RespValue]>
        ) {
            self.peer = peer
            self.questions = questions
            self.greeting = greeting
            self.promise = promise
        }

        func take(_ news: RespWire.News, from wire: RespWire) {
            switch news {
            case .opened:
                guard let opening = greeting?.opening else { return ask(wire) }
                wire.send { $0.writeCommand(opening) }
            case .replies(let replies): for reply in replies { take(reply, from: wire) }
            case .closed(let error): promise.fail(error.map(peer.broken) ?? peer.closed)
            }
        }

        private func take(_ reply: RespValue, from wire: RespWire) {
            guard let step = greeting?.next(reply) else {
                answers.append(reply)
                if answers.count == questions.count { promise.succeed(answers) }
                return
            }
            switch step {
            case .say(let command): wire.send { $0.writeCommand(command) }
            case .done:
                greeting = nil
                ask(wire)
            case .refused(let error): promise.fail(error)
            }
        }

        private func ask(_ wire: RespWire) {
            guard !questions.isEmpty else { return promise.succeed([]) }
            wire.send { out in for question in questions { out.writeCommand(question) } }
        }
    }
}
