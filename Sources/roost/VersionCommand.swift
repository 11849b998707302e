import ArgumentParser
import CBuildInfo

/// `roost version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Prints the version, the commit and the engines built in.")

    static let number = "0.1.0"

    static var text: String { "roost \(number) (commit \(String(cString: roost_build_commit())))" }

    func run() {
        print(VersionCommand.text)
        print("engines: store sqlite, memory, dynamodb; bus local; queue none")
    }
}
