import Foundation
import Testing

/// A server of our own, as a process, on one SQLite file; it keeps its port and its file over kills and restarts.
final class RealNode: @unchecked Sendable {
    private let folder: URL
    private let flags: [String]
    private let environment: [String: String]
    private var process: Process?
    private(set) var port = 0

    struct NotReady: Error {
        var log: String
    }

    /// The command that was built with these tests.
    static let binary = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(
        path: "roost")

    init(_ flags: [String] = [], environment: [String: String] = [:]) throws {
        self.flags = flags
        self.environment = environment
        folder = FileManager.default.temporaryDirectory.appending(path: "roost-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    var url: String { "ws://127.0.0.1:\(port)/ws" }
    func file(_ name: String) -> String { folder.appending(path: name).path }

    /// Starts the server; returns when it says that it listens.
    func start() throws {
        let process = Process()
        process.executableURL = RealNode.binary
        process.arguments =
            [
                "serve", "--port", "\(port)", "--store", "sqlite:\(file("roost.db"))", "--rate-limit-connects", "0",
            ] + flags
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (out, log) = (Pipe(), file("log"))
        process.standardOutput = out
        if !FileManager.default.fileExists(atPath: log) {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
        }
        let errors = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        try errors.seekToEnd()
        process.standardError = errors
        try process.run()
        self.process = process
        var line = ""
        while !line.hasSuffix("\n") {
            let piece = out.fileHandleForReading.availableData
            guard !piece.isEmpty else { throw NotReady(log: (try? String(contentsOfFile: log, encoding: .utf8)) ?? "") }
            line += String(decoding: piece, as: UTF8.self)
        }
        port = try #require(Int(line.split(separator: ":").last?.trimmingCharacters(in: .newlines) ?? ""))
    }

    /// As a crash: nothing is finished.
    func kill() {
        guard let process, process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Asks it to end, as an operator would; returns when it has.
    func stop() {
        guard let process, process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }

    /// Runs another program, which must succeed.
    static func shell(_ command: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(command)")
    }

    /// Runs the command and returns what it prints.
    static func run(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = binary
        process.arguments = arguments
        let out = Pipe()
        process.standardOutput = out
        try process.run()
        let data = try #require(try out.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

struct TooLate: Error {
    var what: String
}

/// Gives `body` so long; a test that waits for what never comes says so.
func within<Result: Sendable>(
    _ what: String, limit: Duration = .seconds(60), _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TooLate(what: what)
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw TooLate(what: what) }
        return first
    }
}
