import Foundation
import NIOCore
import RoostCore
import RoostWire
import Testing

/// Random frames of the dialects: a request or a short refusal, and content as it was sent.
@Suite struct FuzzDialectTests {
    private static let types = [
        "join", "leave", "message", "create_room", "presence", "history", "ping", "nonsense", "",
        "auth", "resume", "typing", "received", "read",
    ]
    private static let keys = [
        "room", "content", "after", "before", "history", "presence", "participants", "name", "visibility", "sender",
        "cursor",
        "limit", "roomId", "messageId", "senderId", "type", "action",
        "rooms", "active", "seq", "since", "token",
    ]
    private static let values = [
        #""general""#, #""a b""#, #""""#, "1", "-1", "null", "true", #"{"epoch":"e","seq":42}"#, #""e:42""#, "42",
        #"["ann","bob"]"#,
        "[]", #""private""#, #""\ud800""#, #""\u0061""#, "18446744073709551616", #"[""]"#, #""create_message""#,
        #""create_room""#,
        #""message""#, #""join""#,
        #"{"general":"e:42","tea":{"epoch":"e","seq":0}}"#, "false", "{}", #"{"general":null}"#,
    ]

    private func object(_ generator: inout SeededGenerator, _ fixed: [String] = []) -> String {
        var fields = fixed
        for _ in 0..<generator.below(5) {
            let value = generator.oneIn(4) ? FuzzJSONTests.value(&generator, depth: 3) : generator.pick(Self.values)
            fields.append("\"\(generator.pick(Self.keys))\":\(value)")
        }
        return "{" + fields.joined(separator: ",") + "}"
    }

    private func bytes(_ text: String, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = Array(text.utf8)
        if generator.oneIn(2) { Fuzz.mutate(&bytes, FuzzJSONTests.alphabet, &generator) }
        // Frames come here as valid UTF-8.
        return Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    /// What is wrong with an outcome, whatever was sent.
    private func problem(_ outcome: Result<Request, Refusal>, of bytes: [UInt8]) -> String? {
        switch outcome {
        case .success(let request):
            if case .mark(_, let mark) = request.command, mark.received < mark.read { return "read before received" }
            if case .resume(let joins) = request.command {
                let isPlain = joins.allSatisfy { $0.after != nil && $0.history == nil && !$0.alone }
                guard isPlain, !joins.isEmpty, Set(joins.map(\.room)).count == joins.count else { return "\(joins)" }
            }
            guard case .message(_, let content, _, _, _) = request.command else { return nil }
            let isJSON = content.bytes.withUnsafeBytes { (try? JSONScanner.validate($0)) == 0..<content.bytes.count }
            if !isJSON { return "content is no JSON: \(content.bytes)" }
        case .failure(let refusal):
            guard [.badFrame, .invalid, .unknownType].contains(refusal.failure.code) else { return "\(refusal)" }
            guard refusal.failure.reason.utf8.count < 400, refusal.failure.reason.hasSuffix(".") else {
                return "\(refusal)"
            }
        }
        return nil
    }

    @Test func native() {
        var requests = 0
        Fuzz.run("native", perSecond: 25_000) { generator in
            let payload = object(
                &generator, generator.oneIn(2) ? [#""room":"general""#, #""content":1"#, #""participants":[]"#] : [])
            let frame = #"{"type":"\#(generator.pick(Self.types))","messageId":"m1","payload":\#(payload)}"#
            let bytes = bytes(frame, &generator)
            let outcome = NativeDecoder.decode(ByteBuffer(bytes: bytes))
            if case .success(let request) = outcome {
                requests += 1
                // What is taken is one JSON object, whoever looks.
                let text = String(decoding: bytes, as: UTF8.self)
                let others = try? JSONSerialization.jsonObject(with: Data(bytes))
                if !(others is [String: Any]), !FuzzJSONTests.isDisputed(bytes) {
                    return "taken, but no JSON object: \(text)"
                }
                if case .message(_, let content, _, _, _) = request.command,
                    !text.contains(String(decoding: content.bytes, as: UTF8.self))
                {
                    return "content was changed: \(text)"
                }
            }
            return problem(outcome, of: bytes)
        }
        #expect(requests > 0 || !Fuzz.isBroad)
    }

    @Test func simple() {
        var objects = 0
        Fuzz.run("simple", perSecond: 15_000) { generator in
            let bytes = bytes(
                object(&generator, generator.oneIn(2) ? [#""type":"message""#, #""content":1"#] : []), &generator)
            let outcome = SimpleDecoder.decode(ByteBuffer(bytes: bytes))
            let isObject = bytes.withUnsafeBytes { bytes in (try? JSONFields(bytes)) != nil }
            if isObject {
                objects += 1
            } else {
                // Any other text is said as it is.
                guard case .success(let request) = outcome,
                    case .message(nil, let content, .message, nil, nil) = request.command,
                    content == JSONText.string(String(decoding: bytes, as: UTF8.self))
                else { return "text is no message: \(String(decoding: bytes, as: UTF8.self).debugDescription)" }
            }
            return problem(outcome, of: bytes)
        }
        #expect(objects > 0 || !Fuzz.isBroad)
    }
}
