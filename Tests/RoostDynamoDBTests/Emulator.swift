import Foundation
import NIOCore
import NIOPosix
import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

extension Timestamp {
    /// When the tests' world begins.
    static let start = Timestamp(milliseconds: 0)
}

/// DynamoDB's emulator, one for all tests of this process, on a port of loopback; it ends with the process.
final class Emulator: @unchecked Sendable {
    static let shared = Result { try Emulator() }

    let port: Int
    private let process = Process()
    /// While this is open, the emulator runs.
    private let lifeline = Pipe()
    private let names = Locked(0)

    struct NotReady: Error, CustomStringConvertible {
        let description: String
    }

    private init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let command = root.appending(path: ".venv/bin/python").path
        let emulator = root.appending(path: "Tests/dynamodb_emulator.py").path
        guard FileManager.default.isExecutableFile(atPath: command) else {
            throw NotReady(description: "\(command) is missing; Scripts/setup.sh installs it")
        }
        port = try Emulator.freePort()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c", "\"$0\" \"$1\" -H 127.0.0.1 -p \"$2\" >/dev/null 2>&1 & server=$!; cat; kill -9 $server", command,
            emulator,
            "\(port)",
        ]
        // Else the emulator would hold its own lifeline open.
        _ = fcntl(lifeline.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        process.standardInput = lifeline
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let deadline = ContinuousClock.now + .seconds(60)
        while !listens() {
            guard ContinuousClock.now < deadline, process.isRunning else {
                throw NotReady(description: "\(command) does not listen on port \(port)")
            }
            usleep(20_000)
        }
    }

    /// A store's place in it, with tables that nobody else has.
    func place(endpoint: String? = nil, creates: Bool = true) -> DynamoDBPlace {
        let name = names.withLock { count in
            count += 1
            return count
        }
        return DynamoDBPlace(
            region: "us-east-1", endpoint: endpoint ?? "http://127.0.0.1:\(port)", prefix: "t\(name)_",
            creates: creates)
    }

    private static func freePort() throws -> Int {
        let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0)
            .wait()
        defer { try? channel.close().wait() }
        return try #require(channel.localAddress?.port)
    }

    private func listens() -> Bool {
        let channel = try? ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
            host: "127.0.0.1", port: port
        ).wait()
        try? channel?.close().wait()
        return channel != nil
    }
}

/// What the emulator takes for credentials.
let credentials = ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG"]

/// Opens a store at a place, as a node would, but for its patience with an emulator that has much to do.
func open(
    _ place: DynamoDBPlace, options: StoreOptions = StoreOptions(), environment: [String: String] = credentials
) async throws(DynamoDBOpeningError) -> DynamoDBStore {
    var world = StoreWorld.real
    world.timeoutMs = 60_000
    return try await DynamoDBStore.open(
        place, options: options, at: .start, environment: environment, readFile: { _ in throw CancellationError() },
        wall: { Timestamp(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1000)) }, world: world, skewMs: 0)
}
