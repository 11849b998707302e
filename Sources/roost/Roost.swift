import ArgumentParser

/// The command `roost`.
@main
struct Roost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "A real-time messaging server: rooms, history, presence; nothing acked is lost.",
        subcommands: [
            Serve.self, TokenCommand.self, ConfigCommand.self, StoreCommand.self, BenchCommand.self, ChatCommand.self,
            VersionCommand.self,
        ])

    /// As the parser's own, except that what is wrong with the arguments is said in one line.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            if exitCode(for: error) == .validationFailure, !(error is ExitCode) {
                var what = message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
                if what.hasSuffix(".") { what.removeLast() }
                Console.complain("roost: \(what); \(path(of: CommandLine.arguments.dropFirst())) --help tells more")
                exit(withError: ExitCode.validationFailure)
            }
            exit(withError: error)
        }
    }

    /// The command that the arguments name, as far as they name one.
    private static func path(of arguments: some Sequence<String>) -> String {
        var names = ["roost"]
        var command: any ParsableCommand.Type = Roost.self
        for argument in arguments {
            let next = command.configuration.subcommands.first { $0.configuration.commandName == argument }
            guard let next else { break }
            names.append(argument)
            command = next
        }
        return names.joined(separator: " ")
    }
}
