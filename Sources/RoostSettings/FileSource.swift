import Yams

extension Loader {
    /// The values that the configuration file gives; throws (78) for a file that can't be read or understood.
    func readConfiguration(
        _ path: String, readFile: (String) throws -> String
    ) throws(SettingsError) -> [Given] {
        let yaml = try text(of: path, for: "configuration file", readFile: readFile)
        let node: Node?
        do throws(YAMLProblem) {
            node = try composed(yaml)
        } catch {
            throw .configuration("configuration file \(shown(path)): \(error.text)")
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
        guard let written = written(value) else {
            throw .configuration("\(name) \(place): must be made of at most \(mostYAMLValues) values")
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
