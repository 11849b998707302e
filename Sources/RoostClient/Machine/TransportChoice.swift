/// Which way to the server to take: one is judged by what came over it, not by whether it opened.
struct TransportChoice {
    private let transports: [String]
    private let betterAfterMs: Int64
    private var index = 0
    /// Whether the current one has brought a welcome.
    private var isProven = false
    private var failures = 0

    /// A transport that has worked is left only after so many connections in a row that brought nothing.
    private static let mostFailures = 3

    init(_ options: MachineOptions) {
        transports = options.transports
        betterAfterMs = options.betterAfterMs
    }

    var current: String { transports[index] }

    mutating func useful() { isProven = true }

    /// A connection was of no use: it brought nothing, or ended at once.
    /// - Returns: whether another transport is to be tried without waiting.
    mutating func failed() -> Bool {
        failures += 1
        if isProven, failures < TransportChoice.mostFailures { return false }
        failures = 0
        isProven = false
        index += 1
        if index < transports.count { return true }
        index = 0
        return false
    }

    /// A connection was of use, or its end told something of the server.
    /// - Parameter lasted: how long it was online, in milliseconds; nil if it was not.
    mutating func fine(lasted: Int64?) {
        failures = 0
        guard index > 0, let lasted, lasted >= betterAfterMs else { return }
        index = 0
        isProven = false
    }
}
