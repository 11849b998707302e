import ArgumentParser
import Logging
import RoostServer
import RoostSettings
import ServiceLifecycle
import UnixSignals

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// `roost serve`: one node. Its options are not declared here but in the table that environment and file share.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Runs one node.", helpNames: [])

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() async throws {
        if Console.wantsHelp(arguments) { return print(Settings.usage()) }
        let loaded = try Console.load(arguments)
        let log = Logs.start(loaded.settings)
        for warning in loaded.warnings { log.warning("\(warning.message)") }
        let (hangups, hangup) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let node = Node(
            settings: loaded.settings, log: log, environment: Console.environment(), readFile: Console.read,
            hangups: hangups
        ) { address in
            print("roost: listening on \(address)")
            fflush(nil)
        }
        let group = ServiceGroup(services: [node], logger: log)
        // Where there is nothing to look at again, SIGHUP ends the process, as it does when a terminal is closed.
        let hangsUp = loaded.settings.speaksTLS
        let signals = await UnixSignalsSequence(
            trapping: hangsUp ? [.sigterm, .sigint, .sighup] : [.sigterm, .sigint])
        let watch = Task {
            var isFirst = true
            for await signal in signals {
                if signal == .sighup {
                    hangup.yield()
                    continue
                }
                guard isFirst else {
                    log.warning("second signal: exiting at once", metadata: ["signal": "\(signal)"])
                    _exit(130)
                }
                isFirst = false
                await group.triggerGracefulShutdown()
            }
        }
        defer { watch.cancel() }
        do {
            try await group.run()
        } catch let error as StartError {
            try Console.fail("\(error)", code: 78)
        }
    }
}
