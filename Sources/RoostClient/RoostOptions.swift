public import NIOSSL

/// How a client behaves where its user doesn't want what everybody gets.
public struct RoostOptions: Sendable {
    /// How long one attempt to send a message waits for its ack.
    public var messageTimeout: Duration = .seconds(10)
    /// How often a message is sent before it is given up; being told to wait is no attempt.
    public var messageAttempts = 10
    /// Between two attempts: doubles from the first to the second.
    public var messageBackoff: ClosedRange<Duration> = .milliseconds(200) ... .seconds(10)
    /// How long a connection may take from the first packet to the server's welcome.
    public var connectTimeout: Duration = .seconds(10)
    /// Before connecting again: anything up to a bound that doubles from the first to the second.
    public var reconnectBackoff: ClosedRange<Duration> = .milliseconds(500) ... .seconds(20)
    /// How many messages, and bytes of them, may wait to be sent; what comes on top fails with `queueFull`.
    public var queueLimit = 5_000
    public var queueBytes = 16 << 20
    /// Where what was not sent yet and the positions of durable rooms outlive the process; used by one client at a time.
    public var file: String?
    /// What TLS trusts; nil: the system's authorities.
    public var trust: TLSConfiguration?

    public init() {}

    /// As ChatFlow's clients retry: 60 s, 5 attempts, 100 ms doubling to 2 s.
    public static var chatFlow: RoostOptions {
        var options = RoostOptions()
        options.messageTimeout = .seconds(60)
        options.messageAttempts = 5
        options.messageBackoff = .milliseconds(100) ... .seconds(2)
        return options
    }

    var machine: MachineOptions {
        var machine = MachineOptions()
        machine.messageTimeoutMs = messageTimeout.milliseconds
        machine.messageAttempts = messageAttempts
        machine.messageBackoffMs = messageBackoff.lowerBound.milliseconds
        machine.messageBackoffMaxMs = messageBackoff.upperBound.milliseconds
        machine.openTimeoutMs = connectTimeout.milliseconds
        machine.reconnectBaseMs = reconnectBackoff.lowerBound.milliseconds
        machine.reconnectMaxMs = reconnectBackoff.upperBound.milliseconds
        machine.queueLimit = queueLimit
        machine.queueBytes = queueBytes
        return machine
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { Int64(self / .milliseconds(1)) }
}
