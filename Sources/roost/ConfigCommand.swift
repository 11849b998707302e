import ArgumentParser
import RoostSettings

/// `roost config check|print`
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Checks or prints the configuration that `serve` would run with.",
        subcommands: [Check.self, Print.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Validates flags, environment and file; exit 64 or 78 if they are wrong.",
            helpNames: [])

        @Argument(parsing: .captureForPassthrough)
        var arguments: [String] = []

        func run() throws {
            if Console.wantsHelp(arguments) { return print(Settings.usage()) }
            let loaded = try Console.load(arguments)
            for warning in loaded.warnings { Console.complain("roost: warning: \(warning.message)") }
            print("roost: the configuration is valid")
        }
    }

    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "print", abstract: "Prints the effective configuration as YAML, secrets masked.",
            helpNames: [])

        @Argument(parsing: .captureForPassthrough)
        var arguments: [String] = []

        func run() throws {
            if Console.wantsHelp(arguments) { return print(Settings.usage()) }
            let loaded = try Console.load(arguments)
            for warning in loaded.warnings { Console.complain("roost: warning: \(warning.message)") }
            print(loaded.printed(), terminator: "")
        }
    }
}
