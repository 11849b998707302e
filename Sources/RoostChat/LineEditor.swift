/// The line that is being written.
struct LineEditor {
    enum Outcome: Equatable {
        case edited
        case entered(String)
        case quit
        case nothing
    }

    private(set) var line: [Character] = []
    /// Before which character the cursor stands.
    private(set) var cursor = 0
    private var past: [[Character]] = []
    /// Which line of the past is shown; `past.count`: the one being written.
    private var shown = 0
    private var draft: [Character] = []

    /// So many lines are remembered.
    private static let mostLines = 100

    var isEmpty: Bool { line.isEmpty }

    mutating func handle(_ key: Key) -> Outcome {
        switch key {
        case .text(let character): insert(character)
        case .enter: return enter()
        case .backspace: return remove(from: cursor - 1, to: cursor)
        case .delete: return remove(from: cursor, to: cursor + 1)
        case .killToEnd: return remove(from: cursor, to: line.count)
        case .killToStart: return remove(from: 0, to: cursor)
        case .killWord: return remove(from: wordStart(), to: cursor)
        case .left: cursor = max(0, cursor - 1)
        case .right: cursor = min(line.count, cursor + 1)
        case .wordLeft: cursor = wordStart()
        case .wordRight: cursor = wordEnd()
        case .home: cursor = 0
        case .end: cursor = line.count
        case .up: show(shown - 1)
        case .down: show(shown + 1)
        case .interrupt: return .quit
        case .endOfInput: return line.isEmpty ? .quit : remove(from: cursor, to: cursor + 1)
        case .clear: break
        }
        return .edited
    }

    private mutating func insert(_ character: Character) {
        // What joins with the character before it (a combining mark, the second half of a flag) is one with it.
        if cursor > 0, let joined = LineEditor.join(line[cursor - 1], character) {
            line[cursor - 1] = joined
        } else {
            line.insert(character, at: cursor)
            cursor += 1
        }
    }

    private static func join(_ first: Character, _ second: Character) -> Character? {
        let text = String(first) + String(second)
        return text.count == 1 ? text.first : nil
    }

    private mutating func remove(from start: Int, to end: Int) -> Outcome {
        let range = max(0, start)..<min(line.count, end)
        guard !range.isEmpty else { return .nothing }
        line.removeSubrange(range)
        cursor = range.lowerBound
        return .edited
    }

    private mutating func enter() -> Outcome {
        let text = String(line)
        guard text.contains(where: { !$0.isWhitespace }) else { return .nothing }
        if past.last != line { past.append(line) }
        if past.count > LineEditor.mostLines { past.removeFirst() }
        (line, cursor, shown, draft) = ([], 0, past.count, [])
        return .entered(text)
    }

    private mutating func show(_ place: Int) {
        guard (0...past.count).contains(place), place != shown else { return }
        if shown == past.count { draft = line }
        shown = place
        line = place == past.count ? draft : past[place]
        cursor = line.count
    }

    private func wordStart() -> Int {
        var place = cursor
        while place > 0, line[place - 1].isWhitespace { place -= 1 }
        while place > 0, !line[place - 1].isWhitespace { place -= 1 }
        return place
    }

    private func wordEnd() -> Int {
        var place = cursor
        while place < line.count, line[place].isWhitespace { place += 1 }
        while place < line.count, !line[place].isWhitespace { place += 1 }
        return place
    }

    /// The part of the line that fits into so many columns with the cursor in it, and the cursor's column there.
    func window(_ columns: Int) -> (text: String, column: Int) {
        var start = 0
        var before = line[..<cursor].reduce(0) { $0 + TextWidth.of($1) }
        while before >= max(1, columns) {
            before -= TextWidth.of(line[start])
            start += 1
        }
        return (TextWidth.cut(String(line[start...]), to: columns), before)
    }
}
