import Foundation
import RoostRedis
import Testing

/// A `redis-server` of our own, as a process; it keeps its port over kills and restarts, and nothing else.
final class RedisServer: @unchecked Sendable {
    let port: Int
    private let flags: [String]
    private let folder: URL
    private let cliFlags: [String]
    private var keeper: Process?
    private var hold: Pipe?
    private var pid: pid_t = 0

    struct NotReady: Error {
        var port: Int
        var log: String
    }

    /// - Parameters:
    ///   - flags: as `redis-server` takes them.
    ///   - cliFlags: what `redis-cli` needs to be let in.
    init(_ flags: [String] = [], cli cliFlags: [String] = []) throws {
        port = try freePort()
        self.flags = flags
        self.cliFlags = cliFlags
        folder = try temporaryFolder()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Runs `body` with a server that is there, and is gone afterwards.
    static func with<Result>(
        _ flags: [String] = [], cli: [String] = [], _ body: (RedisServer) async throws -> Result
    ) async throws -> Result {
        let server = try RedisServer(flags, cli: cli)
        try await server.start()
        defer { server.kill() }
        return try await body(server)
    }

    var endpoint: RedisEndpoint { RedisEndpoint("127.0.0.1", port) }
    var address: RedisAddress { RedisAddress([endpoint]) }
    func file(_ name: String) -> String { folder.appending(path: name).path }

    /// Starts it; returns when it answers.
    func start() async throws {
        let keeper = Process()
        keeper.executableURL = URL(fileURLWithPath: "/bin/sh")
        // Whatever becomes of the tests, their end of the pipe is closed then, and the server ends.
        let script = "exec 3<&0; redis-server \"$@\" </dev/null >\"$LOG\" 2>&1 & echo $!; read x <&3; kill -9 $!"
        let common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder.path]
        // What is said last counts; a configuration file must be the first.
        let file = flags.first.flatMap { $0.hasPrefix("/") ? [$0] : nil } ?? []
        let ports = flags.contains("--tls-port") ? [] : ["--port", "\(port)"]
        keeper.arguments = ["-c", script, "redis"] + file + common + ports + flags.dropFirst(file.count).map(filled)
        keeper.environment = ProcessInfo.processInfo.environment.merging(["LOG": self.file("log")]) { $1 }
        let (input, output) = (Pipe(), Pipe())
        keeper.standardInput = input
        keeper.standardOutput = output
        try keeper.run()
        (self.keeper, hold) = (keeper, input)
        var line = ""
        while !line.hasSuffix("\n") {
            line += String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        }
        pid = try #require(pid_t(line.trimmingCharacters(in: .newlines)))
        do {
            try await eventually("redis-server answers") {
                let answer = (try? self.cli(["PING"])) ?? ""
                return ["PONG", "NOAUTH", "MASTERDOWN"].contains { answer.contains($0) }
            }
        } catch {
            throw NotReady(port: port, log: (try? String(contentsOfFile: self.file("log"), encoding: .utf8)) ?? "")
        }
    }

    private func filled(_ flag: String) -> String { flag.replacingOccurrences(of: "PORT", with: "\(port)") }

    /// As a crash: nothing is finished.
    func kill() {
        guard let keeper else { return }
        Foundation.kill(pid, SIGKILL)
        // Its end of the pipe may also be held by a server that was started at the same time.
        Foundation.kill(keeper.processIdentifier, SIGKILL)
        keeper.waitUntilExit()
        self.keeper = nil
    }

    /// It does nothing any more, and its connections stay.
    func freeze() { Foundation.kill(pid, SIGSTOP) }
    func thaw() { Foundation.kill(pid, SIGCONT) }

    /// What it answers to a command.
    @discardableResult func cli(_ command: [String]) throws -> String {
        try run(["redis-cli", "-h", "127.0.0.1", "-p", "\(port)"] + cliFlags + command)
    }
}

/// Runs a program and returns what it prints.
@discardableResult func run(_ command: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    let out = Pipe()
    process.standardOutput = out
    process.standardError = out
    try process.run()
    let data = try out.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
}

func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "roost-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}

/// A port that nobody has now.
func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
            bind(descriptor, pointer, length) + getsockname(descriptor, pointer, &length)
        }
    }
    try #require(code == 0)
    return Int(UInt16(bigEndian: address.sin_port))
}

struct TooLate: Error {
    var what: String
}

/// Asks again and again until it is so, for 20 s at most.
func eventually(_ what: String, _ isSo: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while try await !isSo() {
        guard .now < deadline else { throw TooLate(what: what) }
        try await Task.sleep(for: .milliseconds(20))
    }
}
