import Yams

extension Loader {
    /// The values that the configuration file gives; throws (78) for a file that can't be read or understood.
    func readConfiguration(
        _ path: String, readFile: (String) throws -> String
    ) throws(SettingsError) -> [Given] {
        let yaml = try text(of: path, for: "configuration file", readFile: readFile)
        let node: Node?
        do {
            node = try compose(yaml: yaml)
        } catch {
            throw .configuration("configuration file \(shown(path)): \(yamlProblem(error))")
        }
        // An empty file, or one of comments only, sets nothing.
        guard let node else { return [] }
        if case .scalar(let scalar) = node, isNull(scalar) { return [] }
        guard case .mapping(let mapping) = node else {
            throw .configuration("configuration file \(shown(path)) must map keys to values, like port: 8080")
        }
        var given = [Given]()
        for (key, value) in mapping {
            given.append(try entry(key, value, path))
        }
        return given
    }

    private func entry(_ key: Node, _ value: Node, _ path: String) throws(SettingsError) -> Given {
        let line = key.mark?.line ?? 1
        let place = "(\(shown(path)) line \(line))"
        guard let name = key.scalar?.string else {
            throw .configuration("configuration file: a key must be a plain word, like port \(place)")
        }
        guard let option = table.options.first(where: { $0.fileKey == name }) else {
            throw .configuration("\(shown(name)) is no key of the configuration file \(place); " + hint(name))
        }
        var budget = mostValues
        guard let written = written(value, budget: &budget) else {
            throw .configuration("\(name) \(place): must be made of at most \(mostValues) values")
        }
        return Given(option: option, written: written, origin: .file(path: path, line: line))
    }

    private func hint(_ name: String) -> String {
        if let option = table.options.first(where: { $0.fileKey == nil && $0.key == name }) {
            return "it can only be the flag \(option.flag) or the variable \(option.variable)"
        }
        let known = table.options.compactMap(\.fileKey)
        guard let near = nearest(to: name, among: known) else { return "roost serve --help lists the options" }
        return "did you mean \(near)?"
    }
}

/// More values than any option has use for. A few aliases of aliases in a small file stand for billions.
private let mostValues = 10_000

/// The value of a node; nil: it is made of more values than `budget`, from which those it has are taken.
private func written(_ node: Node, budget: inout Int) -> Written? {
    budget -= 1
    guard budget >= 0 else { return nil }
    switch node {
    case .scalar(let scalar):
        return isNull(scalar) ? .nothing(scalar.string) : .text(scalar.string)
    case .sequence(let sequence):
        var items = [Written]()
        for item in sequence {
            guard let item = written(item, budget: &budget) else { return nil }
            items.append(item)
        }
        return .list(items)
    case .mapping(let mapping):
        var entries = [Written.Entry]()
        for (key, value) in mapping {
            guard let value = written(value, budget: &budget) else { return nil }
            entries.append(Written.Entry(key: key.scalar?.string ?? "", value: value))
        }
        return .map(entries)
    case .alias: return .nothing("")
    }
}

private func isNull(_ scalar: Node.Scalar) -> Bool {
    scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
}

/// The parser's complaint in one line. Its own description quotes the file, where secrets may stand.
private func yamlProblem(_ error: any Error) -> String {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        "line \(mark.line): \(problem)"
    case .duplicatedKeysInMapping(let keys, let context):
        "line \(context.mark.line): the key \(keys.map(shown).joined(separator: ", ")) stands there twice"
    case .reader(let problem, _, _, _): "it is no YAML text: \(problem)"
    default: "it is no YAML text"
    }
}
