// swift-tools-version:6.2
// The targets are the architecture: an arrow that is not listed here does not compile
// (`--explicit-target-dependency-import-check error`, see the Makefile).
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// What `roost version` calls the commit.
let commit: String = {
    guard let git = Context.gitInformation else { return "unknown" }
    return git.currentCommit.prefix(12) + (git.hasUncommittedChanges ? "+" : "")
}()

let package = Package(
    name: "roost",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "roost", targets: ["roost"]),
        .library(name: "RoostClient", targets: ["RoostClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // The rules, as values: no socket, clock, thread, lock, random number or Foundation.
        .target(name: "RoostCore"),
        // Compression of WebSocket messages.
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        // Bytes to commands and events to bytes: JSON, WebSocket frames, HTTP heads, one file per dialect.
        .target(name: "RoostWire", dependencies: ["CZlib", "RoostCore", nioCore]),
        // The ports, and the in-memory engines.
        .target(name: "RoostEngine", dependencies: ["RoostCore"]),
        // The suite that every store passes; a library so that each engine's tests can run it.
        .target(
            name: "EngineConformance", dependencies: ["RoostCore", "RoostEngine"], path: "Tests/EngineConformance"),
        .target(
            name: "RoostSQLite",
            dependencies: [
                "RoostCore", "RoostEngine",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        // The suite that every bus passes.
        .target(
            name: "ClusterConformance", dependencies: ["RoostCore", "RoostEngine"], path: "Tests/ClusterConformance"),
        // Bus, boards, sessions and quotas in Redis.
        .target(
            name: "RoostRedis",
            dependencies: [
                "RoostCore", "RoostEngine", nioCore, nioPosix, .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .target(
            name: "RoostDynamoDB",
            dependencies: [
                "RoostCore", "RoostEngine", nioCore, nioPosix,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        // DynamoDB's tables in memory, for tests and the simulation.
        .target(name: "DynamoDBModel", dependencies: ["RoostDynamoDB"], path: "Tests/DynamoDBModel"),
        // The street: shards, ingest, fan-out.
        .target(
            name: "RoostHub",
            dependencies: [
                "RoostCore", "RoostWire", "RoostEngine", nioCore, logging,
                .product(name: "DequeModule", package: "swift-collections"),
            ]),
        // Tokens: what they say, and whether it is to be believed.
        .target(
            name: "RoostAuth",
            dependencies: ["RoostCore", "RoostWire", nioCore, .product(name: "JWTKit", package: "jwt-kit")]),
        // Every option once: its name, its values, its default; flags, environment, file.
        .target(name: "RoostSettings", dependencies: ["Yams"]),
        .target(
            name: "RoostWeb", path: "Web", exclude: ["package.json", "roost"],
            resources: [.embedInCode("chat"), .embedInCode("roost.js"), .embedInCode("roost.d.ts")]),
        .target(
            name: "RoostServer",
            dependencies: [
                "RoostCore", "RoostAuth", "RoostWire", "RoostEngine", "RoostHub", "RoostSQLite", "RoostRedis",
                "RoostDynamoDB",
                "RoostSettings", "RoostWeb",
                nioCore, nioPosix, logging,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        // The Swift SDK: the client's rules as a machine, and its transport.
        .target(
            name: "RoostClient",
            dependencies: [
                "RoostCore", "RoostWire", nioCore, nioPosix,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        // The chat in a terminal, on the SDK.
        .target(name: "RoostChat", dependencies: ["RoostClient"]),
        // The examples of programs on the SDK.
        .executableTarget(name: "bot", dependencies: ["RoostClient"], path: "Examples/bot"),
        .executableTarget(name: "hello", dependencies: ["RoostClient"], path: "Examples/hello"),
        // The load generator: knows a server by its protocol only.
        .target(name: "CPolling"),
        .target(
            name: "RoostBench",
            dependencies: ["CPolling", .product(name: "Histogram", package: "hdrhistogram-swift")]),
        .target(name: "CBuildInfo", cSettings: [.define("ROOST_COMMIT", to: "\"\(commit)\"")]),
        .executableTarget(
            name: "roost",
            dependencies: [
                "RoostCore", "RoostAuth", "RoostServer", "RoostSettings", "RoostBench", "RoostChat", "CBuildInfo",
                logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        // Clients, nodes and store in virtual time; the command runs it seed by seed.
        .target(
            name: "RoostSimulation",
            dependencies: [
                "RoostCore", "RoostWire", "RoostEngine", "RoostSQLite", "RoostDynamoDB", "DynamoDBModel", "RoostHub",
                "RoostClient", nioCore, logging,
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            path: "Tests/Simulation/World"),
        .executableTarget(
            name: "simulate",
            dependencies: ["RoostSimulation", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Simulation/Command"),
        // Counts what the pure parts allocate; a command of its own, since it replaces malloc.
        .target(name: "CCounting", path: "Tests/Allocations/CCounting"),
        .executableTarget(
            name: "allocations", dependencies: ["RoostCore", "RoostWire", "CCounting", nioCore],
            path: "Tests/Allocations/Command"),
        .testTarget(name: "RoostCoreTests", dependencies: ["RoostCore"]),
        .testTarget(name: "RoostWireTests", dependencies: ["RoostCore", "RoostWire", nioCore]),
        .testTarget(
            name: "RoostEngineTests", dependencies: ["RoostCore", "RoostEngine", "RoostSQLite", "EngineConformance"]),
        // Against servers of their own.
        .testTarget(
            name: "RoostRedisTests",
            dependencies: [
                "RoostCore", "RoostEngine", "RoostRedis", "ClusterConformance", nioCore, nioPosix,
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        // Against the emulator, and through a proxy that fails as asked.
        .testTarget(
            name: "RoostDynamoDBTests",
            dependencies: [
                "RoostCore", "RoostEngine", "RoostDynamoDB", "DynamoDBModel", "EngineConformance", nioCore, nioPosix,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        .testTarget(
            name: "RoostHubTests",
            dependencies: ["RoostCore", "RoostWire", "RoostEngine", "RoostHub", nioCore, nioPosix, logging]),
        // Against the stories that all clients share, and against a node of the command that is built beside them.
        .testTarget(
            name: "RoostClientTests",
            dependencies: [
                "RoostClient", "roost", nioCore, nioPosix, .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .testTarget(name: "RoostSimulationTests", dependencies: ["RoostCore", "RoostSimulation", nioCore]),
        .testTarget(
            name: "RoostBenchTests",
            dependencies: ["RoostBench", .product(name: "Histogram", package: "hdrhistogram-swift")]),
        .testTarget(name: "RoostSettingsTests", dependencies: ["RoostSettings"]),
        .testTarget(
            name: "RoostAuthTests",
            dependencies: ["RoostCore", "RoostAuth", .product(name: "Crypto", package: "swift-crypto")]),
        .testTarget(
            name: "RoostServerTests",
            dependencies: [
                "RoostCore", "RoostEngine", "RoostServer", "RoostSettings", nioCore,
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system && target.name != "CBuildInfo" {
    target.swiftSettings = (target.swiftSettings ?? []) + strict
}
