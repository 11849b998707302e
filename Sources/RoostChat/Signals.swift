import Dispatch
import Foundation

/// Signals of the process, as they come.
struct Signals {
    /// The terminal has another size.
    static var resize: Waiter { Waiter([SIGWINCH]) }
    /// The process is asked to end.
    static var stop: Waiter { Waiter([SIGINT, SIGTERM, SIGHUP]) }

    final class Waiter: @unchecked Sendable {
        private let stream: AsyncStream<Int32>
        private var sources: [any DispatchSourceSignal] = []

        init(_ numbers: [Int32]) {
            let (stream, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(1))
            self.stream = stream
            for number in numbers {
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { continuation.yield(number) }
                source.activate()
                sources.append(source)
            }
        }

        deinit { for source in sources { source.cancel() } }

        /// The next one; nil when the task is cancelled.
        func next() async -> Int32? {
            for await number in stream { return number }
            return nil
        }
    }
}
