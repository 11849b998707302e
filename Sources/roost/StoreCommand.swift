import ArgumentParser
import RoostServer
import RoostSettings

/// `roost store create|check`
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Looks after the store that `serve` would run with.",
        subcommands: [Create.self, Check.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Creates the tables or the file of the store, if they are missing.",
            helpNames: [])

        @Argument(parsing: .captureForPassthrough)
        var arguments: [String] = []

        func run() async throws {
            try await StoreCommand.run(arguments) { try await $0.create() }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Opens the store and says whether it is in order; exit 78 if it is not.",
            helpNames: [])

        @Argument(parsing: .captureForPassthrough)
        var arguments: [String] = []

        func run() async throws {
            try await StoreCommand.run(arguments) { try await $0.check() }
        }
    }

    /// Prints the sentence that `body` gives.
    private static func run(_ arguments: [String], _ body: (Stores) async throws -> String) async throws {
        if Console.wantsHelp(arguments) { return print(Settings.usage()) }
        let loaded = try Console.load(arguments)
        for warning in loaded.warnings { Console.complain("roost: warning: \(warning.message)") }
        do {
            let stores = Stores(
                settings: loaded.settings, environment: Console.environment(), readFile: Console.read)
            print("roost: " + (try await body(stores)))
        } catch let error as StartError {
            try Console.fail("\(error)", code: 78)
        }
    }
}
