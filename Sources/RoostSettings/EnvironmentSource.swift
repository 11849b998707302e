extension Loader {
    /// The values that variables give, and a warning for each `ROOST_…` variable that none of us knows.
    func readEnvironment(
        _ environment: [String: String], readFile: (String) throws -> String
    ) throws(SettingsError) -> (values: [Given], warnings: [SettingsWarning]) {
        var ours = environment.filter { $0.key.hasPrefix("ROOST_") && !isFromKubernetes(name: $0.key, value: $0.value) }
        var given = [Given]()
        for option in table.options {
            let value = ours.removeValue(forKey: option.variable)
            if let value {
                given.append(Given(option: option, written: .text(value), origin: .environment(option.variable)))
            }
            guard let variable = option.fileVariable, let path = ours.removeValue(forKey: variable) else { continue }
            guard value == nil else {
                throw .configuration("\(option.variable) and \(variable) are both set; only one of them may be")
            }
            let held = trimmed(try text(of: path, for: variable, readFile: readFile))
            given.append(
                Given(option: option, written: .text(held), origin: .environment(variable), heldBy: path))
        }
        return (given, ours.keys.sorted().map(unknown))
    }

    private func unknown(_ variable: String) -> SettingsWarning {
        let text = "\(shown(variable)) is no variable that roost knows"
        let names = table.options.flatMap { [$0.variable] + ($0.fileVariable.map { [$0] } ?? []) }
        if variable.hasSuffix("_FILE"), names.contains(String(variable.dropLast(5))) {
            return SettingsWarning("\(text): only secrets and URLs are read from files; see \(variable.dropLast(5))")
        }
        // The common prefix would make any two short names look alike.
        let rest = String(variable.dropFirst("ROOST_".count))
        let bare = names.map { String($0.dropFirst("ROOST_".count)) }
        guard let name = nearest(to: rest, among: bare) else { return SettingsWarning(text + "; it is ignored") }
        return SettingsWarning("\(text); did you mean ROOST_\(name)?")
    }
}

/// Whether Kubernetes sets the variable for a service called `roost`, or `roost-` and something more:
/// `ROOST_SERVICE_HOST`, `ROOST_PORT=tcp://10.0.0.1:8080`, `ROOST_PORT_8080_TCP_ADDR`.
/// See https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
private func isFromKubernetes(name: String, value: String) -> Bool {
    let words = name.split(separator: "_", omittingEmptySubsequences: false)
    let protocols = ["TCP", "UDP", "SCTP"]
    if name.hasPrefix("ROOST_SERVICE_") || name.hasSuffix("_SERVICE_HOST") { return true }
    if name.hasSuffix("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") { return true }
    if words.last == "PORT", protocols.contains(where: { value.hasPrefix($0.lowercased() + "://") }) { return true }
    return words.indices.dropLast(2).contains { index in
        words[index] == "PORT" && wholeNumber(words[index + 1]) != nil && protocols.contains(String(words[index + 2]))
    }
}
