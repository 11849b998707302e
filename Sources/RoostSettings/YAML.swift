import Yams

// What the configuration file and the options that take YAML text have in common.

/// What is wrong with a YAML text, on one line. The parser's own description quotes the text, where secrets may stand.
struct YAMLProblem: Error {
    let text: String

    init(_ error: any Error) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            text = "line \(mark.line): \(problem)"
        case .duplicatedKeysInMapping(let keys, let context):
            text = "line \(context.mark.line): the key \(keys.map(shown).joined(separator: ", ")) stands there twice"
        case .reader(let problem, _, _, _): text = "it is no YAML text: \(problem)"
        default: text = "it is no YAML text"
        }
    }
}

/// The tree of a YAML text; nil: there is nothing in it.
func composed(_ yaml: String) throws(YAMLProblem) -> Node? {
    do {
        return try compose(yaml: yaml)
    } catch {
        throw YAMLProblem(error)
    }
}

/// More values than any option has use for. A few aliases of aliases in a small file stand for billions.
let mostYAMLValues = 10_000

/// The value of a node; nil: it is made of more than `mostYAMLValues` values.
func written(_ node: Node) -> Written? {
    var budget = mostYAMLValues
    return written(node, budget: &budget)
}

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

func isNull(_ scalar: Node.Scalar) -> Bool {
    scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
}
