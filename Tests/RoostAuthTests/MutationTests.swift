import RoostAuth
import RoostCore
import Testing

/// Whatever is done to a token, it is refused, with a reason that fits into a close frame.
@Suite struct MutationTests {
    private let payloads = [
        #"{"sub":"alice","name":"Alice","exp":1795231852,"rooms":["team-*",{"match":"a","can":["join"]}]}"#,
        #"{"sub":"alice","rooms":{"team-*":["join","publish"]},"nbf":1,"x":[[{}]]}"#, #"{"sub":"a"}"#,
    ]

    private func mutated(_ bytes: [UInt8], _ generator: inout SystemRandomNumberGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes.remove(at: at)
            case 1: bytes.insert(UInt8.random(in: 0x20..<0x7F, using: &generator), at: at)
            case 2: bytes[at] = UInt8.random(in: 0x20..<0x7F, using: &generator)
            case 3: bytes.removeSubrange(at...)
            default: bytes.swapAt(at, Int.random(in: 0..<bytes.count, using: &generator))
            }
        }
        return bytes
    }

    @Test func changedTokensAreRefused() async throws {
        let verifier = try await TokenVerifier(secret: secret)
        var generator = SystemRandomNumberGenerator()
        for payload in payloads {
            let good = Array(token(payload).utf8)
            #expect(throws: Never.self) { try verifier.verify(String(decoding: good, as: UTF8.self), at: now) }
            for _ in 0..<3000 {
                let bytes = mutated(good, &generator)
                guard bytes != good else { continue }
                refused(String(decoding: bytes, as: UTF8.self), verifier)
            }
        }
    }

    /// Signed by somebody who has the secret but gets the rest wrong.
    @Test func changedPayloadsAreReadOrRefused() async throws {
        let verifier = try await TokenVerifier(secret: secret)
        var generator = SystemRandomNumberGenerator()
        for payload in payloads {
            for _ in 0..<500 {
                let changed = String(decoding: mutated(Array(payload.utf8), &generator), as: UTF8.self)
                do throws(TokenError) {
                    _ = try verifier.verify(token(changed), at: now)
                } catch {
                    #expect(isReason(error.reason), "\(changed): \(error.reason)")
                }
                _ = TokenExplanation(token(changed), verifier: verifier, at: now)
            }
        }
    }

    private func refused(_ text: String, _ verifier: TokenVerifier) {
        do throws(TokenError) {
            _ = try verifier.verify(text, at: now)
            Issue.record("accepted: \(text)")
        } catch {
            #expect(isReason(error.reason), "\(text): \(error.reason)")
        }
    }

    private func isReason(_ text: String) -> Bool {
        (1...120).contains(text.utf8.count) && text.hasSuffix(".") && isPrintable(text, upTo: 120)
    }
}
