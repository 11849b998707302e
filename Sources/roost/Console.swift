import ArgumentParser
import RoostCore
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

    /// The secret that the environment gives, and the variable that gave it; nil: none does.
    static func secret() throws -> (text: String, variable: String)? {
        let names = ["ROOST_JWT_SECRET", "ROOST_JWT_SECRET_FILE"]
        let ours = environment().filter { names.contains($0.key) }
        do throws(SettingsError) {
            let loaded = try Settings.load(arguments: [], environment: ours, readFile: read)
            guard let text = loaded.settings.jwtSecret, case .environment(let variable)? = loaded.origins["jwtSecret"]
            else { return nil }
            return (text, variable)
        } catch {
            complain(error.message)
            throw ExitCode(error.exitCode)
        }
    }

    static func now() -> Timestamp {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(milliseconds: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
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

    static func environment() -> [String: String] {
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

    /// The text of a file, up to 16 MiB of it; throws why there is none, in the system's words.
    @Sendable
    static func read(_ path: String) throws -> String { try text(fopen(path, "r")) }

    /// All of standard input, which must be text.
    static func readInput() throws -> String {
        do {
            return try text(fdopen(STDIN_FILENO, "r"))
        } catch {
            try fail("standard input can't be read: \(error)", code: 1)
        }
    }

    /// All that the file holds, which is closed.
    private static func text(_ file: UnsafeMutablePointer<FILE>?) throws -> String {
        guard let file else { throw ReadError(description: String(cString: strerror(errno))) }
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
