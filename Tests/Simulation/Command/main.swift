import ArgumentParser
import Foundation

// Swift seeds its hash tables anew in each process, and the order of a dictionary is part of what happens: the same
// seed must be the same world, so the command runs itself again with that chance switched off.
let fixedHashing = "SWIFT_DETERMINISTIC_HASHING"
if ProcessInfo.processInfo.environment[fixedHashing] == nil {
    setenv(fixedHashing, "1", 1)
    let command = Bundle.main.executablePath ?? CommandLine.arguments[0]
    var arguments = ([command] + CommandLine.arguments.dropFirst()).map { strdup($0) } + [nil]
    execv(command, &arguments)
    fatalError("could not run itself again: \(String(cString: strerror(errno)))")
}
Simulate.main()
