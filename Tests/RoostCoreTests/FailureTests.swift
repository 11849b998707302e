import RoostCore
import Testing

/// The contract's error codes and close codes, section 3.
@Suite struct FailureTests {
    static let statuses: [(String, Int)] = [
        ("bad_frame", 400), ("unknown_type", 400), ("invalid", 422), ("unauthenticated", 401), ("forbidden", 403),
        ("not_found", 404), ("conflict", 409), ("retry_expired", 410), ("too_large", 413), ("rate_limited", 429),
        ("internal", 500), ("unavailable", 503),
    ]

    @Test(arguments: statuses)
    func anErrorCodeHasItsStatus(_ name: String, _ status: Int) {
        #expect(ErrorCode(rawValue: name)?.status == status)
    }

    @Test func thereAreNoOtherErrorCodes() {
        #expect(Set(ErrorCode.allCases.map(\.rawValue)) == Set(Self.statuses.map(\.0)))
    }

    static let closes: [(CloseCode, UInt16)] = [
        (.normal, 1000), (.goingAway, 1001), (.protocolError, 1002), (.unsupportedData, 1003), (.badUTF8, 1007),
        (.tooBig, 1009), (.internal, 4000), (.draining, 4001), (.tooFarBehind, 4002), (.rateLimited, 4003),
        (.tokenExpired, 4004), (.heartbeatMissed, 4005), (.overloaded, 4006), (.violation, 4500),
        (.unauthenticated, 4501), (.forbidden, 4503), (.disconnected, 4504),
    ]

    @Test(arguments: closes)
    func aCloseCodeHasItsNumber(_ code: CloseCode, _ number: UInt16) {
        #expect(code.rawValue == number)
    }

    @Test func thereAreNoOtherCloseCodes() {
        #expect(CloseCode.allCases.map(\.rawValue) == Self.closes.map(\.1))
    }

    @Test func ourOwnCodesSayWhetherToComeBack() {
        let comeBack: Set<CloseCode> = [
            .internal, .draining, .tooFarBehind, .rateLimited, .tokenExpired, .heartbeatMissed, .overloaded,
        ]
        for code in CloseCode.allCases where code.rawValue >= 4000 {
            #expect((4000...4499).contains(code.rawValue) == comeBack.contains(code), "\(code)")
        }
    }

    @Test func aFailureKeepsWhatItWasMadeOf() {
        let failure = Failure(.rateLimited, "Too fast.", retryAfterMs: 5)
        #expect((failure.code, failure.reason, failure.retryAfterMs) == (.rateLimited, "Too fast.", 5))
        #expect(Failure(.internal, "x").retryAfterMs == nil)
        #expect(Refusal(failure) == Refusal(id: nil, room: nil, failure))
        #expect(Refusal(id: id("m"), room: .general, failure) != Refusal(id: id("m"), failure))
    }

    @Test func storedNumbersOfMessageKindsNeverChange() {
        #expect(MessageKind.message.rawValue == 0)
        #expect(MessageKind.created.rawValue == 1)
        #expect(MessageKind.deleted.rawValue == 2)
        #expect(MessageKind.redacted.rawValue == 3)
        #expect(MessageKind(rawValue: 4) == nil)
    }

    @Test func theDefaultLimitsAreTheContracts() {
        let limits = Limits()
        #expect(limits.maxMessageBytes == 65_536)
        #expect(limits.rateMessages == 200)
        #expect(limits.rateBurst == 1000)
        #expect(limits.maxRooms == 128)
        #expect(limits.maxUnsentBytes == 1_048_576)
        #expect(limits.heartbeatMs == 25_000)
        #expect(limits.heartbeatTimeoutMs == 10_000)
        #expect(limits.maxHistory == 1000)
        #expect(limits.dedupeWindowMs == 600_000)
        #expect(limits.createOnJoin)
    }
}
