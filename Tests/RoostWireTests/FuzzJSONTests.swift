import Foundation
import NIOCore
import RoostCore
import RoostWire
import Testing

/// Random JSON, right and nearly right, against Foundation's reader.
@Suite struct FuzzJSONTests {
    static let alphabet = Array("{}[]\",:\\/ \t\r\n0123456789+-.eEtrufalsn\u{1}\u{7F}éd8DcC".utf8)

    static func value(_ generator: inout SeededGenerator, depth: Int = 0) -> String {
        let space = generator.oneIn(4) ? generator.pick([" ", "\n", "\t", "\r\n  "]) : ""
        switch generator.below(depth > 4 ? 5 : 8) {
        case 0: return generator.pick(["true", "false", "null"])
        case 1: return space + "\(Int64(truncatingIfNeeded: generator.next()) >> Int64(generator.below(64)))"
        case 2: return generator.pick(["0", "-0", "1.5", "-0.25e2", "1E+3", "7e-2", "10.010"]) + space
        case 3: return written { $0.putString(generator.text(upTo: 6)) }
        case 4: return generator.pick([#""\u0041\/\b\f""#, #""\ud83d\ude00""#, #""é""#, "\"\"", #""\\\"""#])
        case 5, 6:
            let items = (0..<generator.below(4)).map { _ in value(&generator, depth: depth + 1) }
            return "[" + space + items.joined(separator: "," + space) + "]"
        default:
            let fields = (0..<generator.below(4)).map { _ in
                "\"\(generator.pick(["a", "b", "", "\\n", "room"]))\"\(space):" + value(&generator, depth: depth + 1)
            }
            return "{" + fields.joined(separator: space + ",") + "}"
        }
    }

    /// Text that Foundation sees otherwise, rightly or not: no verdict to compare with.
    static func isDisputed(_ bytes: [UInt8]) -> Bool {
        // Foundation takes a byte order mark, looks for UTF-16 by zeros, and wants surrogates in pairs.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) || bytes.contains(0) { return true }
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        if text.contains("\\ud") { return true }
        // And numbers that fit into its own types. It lets lists and objects end with a comma.
        return text.range(of: "[0-9][.0-9]{17,}|e[+-]?[0-9]{3,}|,[ \t\r\n]*[\\]}]", options: .regularExpression) != nil
    }

    @Test func whatOneReaderTakesTheOtherTakesToo() {
        var (taken, refused) = (0, 0)
        Fuzz.run("JSON", perSecond: 25_000) { generator in
            var bytes = Array(Self.value(&generator).utf8)
            Fuzz.mutate(&bytes, Self.alphabet, &generator)
            bytes = Array(String(decoding: bytes, as: UTF8.self).utf8)
            var problem: JSONScanner.Problem?
            var span = 0..<0
            bytes.withUnsafeBytes { bytes in
                do throws(JSONScanner.Problem) { span = try JSONScanner.validate(bytes) } catch { problem = error }
            }
            if case .malformed(let at) = problem, at > bytes.count { return "a problem at \(at) of \(bytes.count)" }
            if problem == nil {
                let outside = bytes[..<span.lowerBound] + bytes[span.upperBound...]
                guard span.upperBound <= bytes.count, outside.allSatisfy({ " \t\r\n".utf8.contains($0) }) else {
                    return "the value is said to be at \(span)"
                }
            }
            if problem == .tooDeep || Self.isDisputed(bytes) { return nil }
            if problem == nil { taken += 1 } else { refused += 1 }
            let others = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            if (others != nil) != (problem == nil) {
                return
                    "\(String(decoding: bytes, as: UTF8.self).debugDescription): \(problem.map { "\($0)" } ?? "taken")"
            }
            return nil
        }
        // Were one of them never to happen, nothing would be compared.
        #expect((taken > 0 && refused > 0) || !Fuzz.isBroad)
    }

    @Test func nestingIsRefusedJustBeyond64HoweverItIsMixed() {
        Fuzz.run("depth", perSecond: 1_000) { generator in
            let levels = 50 + generator.below(30)
            var (open, close) = ("", "")
            for _ in 0..<levels {
                if generator.oneIn(2) {
                    (open, close) = (open + "[0,", "]" + close)
                } else {
                    (open, close) = (open + #"{"a":"#, "}" + close)
                }
            }
            var isFine = true
            Array((open + "1" + close).utf8).withUnsafeBytes { bytes in
                do throws(JSONScanner.Problem) { _ = try JSONScanner.validate(bytes) } catch { isFine = false }
            }
            return isFine == (levels <= 64) ? nil : "\(levels) levels: \(isFine)"
        }
    }
}
