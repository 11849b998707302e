import ArgumentParser

/// The command `roost`.
@main
struct Roost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "A real-time messaging server: rooms, history, presence; nothing acked is lost.",
        subcommands: [Serve.self, ConfigCommand.self, BenchCommand.self, VersionCommand.self])
}
