import Logging
import RoostSettings

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Log lines on standard error, as text or as JSON.
enum Logs {
    static func start(_ settings: Settings) -> Logger {
        let level = Logger.Level(rawValue: settings.logLevel.rawValue) ?? .info
        let isJSON = settings.logFormat == .json
        LoggingSystem.bootstrap { label in
            if isJSON { return JSONLogHandler(label: label, logLevel: level) }
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        return Logger(label: "roost")
    }
}

/// One JSON object per line.
struct JSONLogHandler: LogHandler {
    let label: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = "{\"time\":\(JSONLogHandler.time()),\"level\":\(quoted(event.level.rawValue))"
        line += ",\"logger\":\(quoted(label)),\"message\":\(quoted("\(event.message)"))"
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += ",\(quoted(key)):\(quoted("\(value)"))" }
        Console.complain(line + "}")
    }

    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let milliseconds = Int(now.tv_nsec) / 1_000_000
        return "\(now.tv_sec).\(milliseconds < 10 ? "00" : milliseconds < 100 ? "0" : "")\(milliseconds)"
    }

    private func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case _ where scalar.value < 0x20: out += " "
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
