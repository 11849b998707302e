import ArgumentParser
import Foundation
import RoostChat

/// `roost chat`: a chat in the terminal, or in a pipe.
struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "A chat in the terminal.",
        discussion: """
            In a pipe each line that comes in is sent as a message, and each that is heard is printed: \
            echo hi | roost chat general --once
            """)

    @Argument(help: "The room.")
    var room: String
    @Option(help: "Where the server is.")
    var url = "ws://localhost:8080/ws"
    @Option(help: "Who you are, where the server has no sign-in. Default: your name on this machine.")
    var user: String?
    @Option(help: "How you are called.")
    var name: String?
    @Option(help: "Your token, where the server has sign-in. Default: ROOST_TOKEN, which other users can't see.")
    var token: String?
    @Option(help: "How many of the newest messages to begin with.")
    var history = 20
    @Flag(help: "Sends what comes on standard input, prints nothing, and ends when the server has it all.")
    var once = false
    @Flag(inversion: .prefixedNo, help: "Whether to use colours. Default: in a terminal, unless NO_COLOR is set.")
    var color: Bool?

    func validate() throws {
        guard (0...1000).contains(history) else {
            throw ValidationError("--history \(history) must be between 0 and 1000")
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let token = token ?? environment["ROOST_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let plan = ChatPlan(
            url: url, room: room, user: token == nil ? user ?? environment["USER"] : nil, name: name, token: token,
            history: history, isOnce: once,
            isColoured: color ?? (isTerminal && environment["NO_COLOR"] == nil && environment["TERM"] != "dumb"))
        do {
            if try await !plan.run() { throw ExitCode(1) }
        } catch let error as ExitCode {
            throw error
        } catch {
            try Console.fail("\(error)", code: 64)
        }
    }
}
