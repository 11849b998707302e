import ArgumentParser
import RoostSettings

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What the commands say to people, and how they fail.
enum Console {
    static func wantsHelp(_ arguments: [String]) -> Bool {
        arguments.contains { $0 == "--help" || $0 == "-h" }
    }

    /// Loads the configuration or ends with the one line that says what is wrong with it.
    static func load(_ arguments: [String]) throws -> Loaded {
        do throws(SettingsError) {
            return try Settings.load(arguments: arguments, environment: environment(), readFile: read)
        } catch {
            complain(error.message)
            throw ExitCode(error.exitCode)
        }
    }

    static func fail(_ message: String, code: Int32) throws -> Never {
        complain("roost: \(message)")
        throw ExitCode(code)
    }

    /// Writes one line to standard error, in one call, so that lines of several threads stay apart.
    static func complain(_ line: String) {
        var line = line + "\n"
        line.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }

    private static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { result[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        return result
    }

    /// Why a file can't be read, in the system's words.
    private struct ReadError: Error, CustomStringConvertible {
        let description: String
    }

    private static func read(_ path: String) throws -> String {
        guard let file = fopen(path, "r") else { throw ReadError(description: String(cString: strerror(errno))) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= 16 << 20 else { throw ReadError(description: "larger than 16 MiB") }
        }
        guard ferror(file) == 0 else { throw ReadError(description: String(cString: strerror(errno))) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw ReadError(description: "not UTF-8") }
        return text
    }
}
