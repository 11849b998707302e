public import RoostClient

/// The chat as a terminal shows it: what was said scrolls up, and below it stand the messages on their way, a line about
/// the connection and who is typing, and the line being written. Takes what happens, and returns what is to be written to
/// the terminal. Nothing here knows a file or a clock.
public struct ChatScreen {
    public enum Outcome: Equatable, Sendable {
        case nothing
        /// The user's own message.
        case say(String)
        case typing(Bool)
        case members
        case quit
    }

    private let room: String
    private let style: Style
    private var transcript: Transcript
    private var keys = KeyDecoder()
    private var editor = LineEditor()
    private var pending: [(id: String, text: String)] = []
    private var typing: [String] = []
    private var status = "connecting"
    private var columns = 80
    /// Rows of the part that is drawn anew each time, above the cursor's.
    private var rowsAbove = 0

    public init(room: String, isColoured: Bool) {
        self.room = room
        style = Style(isColoured: isColoured)
        transcript = Transcript(style: style)
    }

    // MARK: What happens

    public mutating func resize(columns: Int) -> String {
        // What stood there was wrapped anew by the terminal; it can't be known how, so it stays.
        self.columns = max(10, columns)
        return redraw()
    }

    public mutating func heard(_ event: RoomEvent) -> String {
        switch event {
        case .pending(let message, _): pending.append((message.id, message.content.description))
        case .sent(let id, _), .failed(let id, _): pending.removeAll { $0.id == id }
        case .message(let message): pending.removeAll { $0.id == message.id }
        case .typing(let user, let isActive):
            typing.removeAll { $0 == user }
            if isActive { typing.append(user) }
        default: break
        }
        return redraw(adding: transcript.lines(for: event))
    }

    public mutating func connection(_ state: ConnectionState) -> String {
        switch state {
        case .connected: status = ""
        case .connecting(nil): status = "connecting"
        case .connecting(let loss?):
            let seconds = (loss.retryInMs + 999) / 1000
            status = "not connected (\(loss.reason.trimmingEnd)); again in \(seconds) s"
        case .disconnected(_, let reason): status = "not connected: \(reason)"
        }
        return redraw()
    }

    /// Lines of our own.
    public mutating func note(_ lines: [String]) -> String { redraw(adding: lines.map { style.dim($0) }) }

    public mutating func members(_ presence: RoomPresence) -> String {
        let names = presence.members.map { $0.map { TextWidth.harmless($0.name) }.joined(separator: ", ") }
        return note(["· \(presence.count) here" + (names.map { ": \($0)" } ?? "")])
    }

    public mutating func pressed(_ bytes: [UInt8]) -> (text: String, outcomes: [Outcome]) {
        var outcomes: [Outcome] = []
        var text = ""
        for key in keys.decode(bytes) {
            let wasEmpty = editor.isEmpty
            if key == .clear { text += "\u{1B}[2J\u{1B}[H" }
            switch editor.handle(key) {
            case .entered(let line): outcomes += obey(line, &text)
            case .quit: outcomes.append(.quit)
            case .edited: if !editor.isEmpty || !wasEmpty { outcomes.append(.typing(!editor.isEmpty)) }
            case .nothing: break
            }
        }
        if text.hasPrefix("\u{1B}[2J") { rowsAbove = 0 }
        return (text + redraw(), outcomes)
    }

    private mutating func obey(_ line: String, _ text: inout String) -> [Outcome] {
        guard line.hasPrefix("/"), !line.hasPrefix("//") else {
            return [.typing(false), .say(line.hasPrefix("//") ? String(line.dropFirst()) : line)]
        }
        switch line.split(separator: " ").first ?? "" {
        case "/quit", "/exit": return [.quit]
        case "/who": return [.members]
        case "/help":
            text += note(["· /who tells who is here, /quit leaves; // at the start of a message writes one slash"])
        default: text += note(["· there is no command \(line.split(separator: " ")[0]); /help tells which there are"])
        }
        return []
    }

    // MARK: Drawing

    /// Takes away the part below, leaves the cursor where it began.
    public mutating func clear() -> String {
        defer { rowsAbove = 0 }
        return "\r" + (rowsAbove > 0 ? "\u{1B}[\(rowsAbove)A" : "") + "\u{1B}[J"
    }

    private mutating func redraw(adding lines: [String] = []) -> String {
        var out = clear()
        for line in lines { out += line + "\r\n" }
        var below = pending.suffix(3).map {
            style.dim(TextWidth.cut("… \(TextWidth.harmless($0.text))", to: columns - 1))
        }
        if pending.count > 3 { below.insert(style.dim("… \(pending.count) messages wait to be sent"), at: 0) }
        below.append(style.dim(TextWidth.cut(footer, to: columns - 1)))
        for line in below { out += line + "\r\n" }
        rowsAbove = below.count
        let prompt = "> "
        let window = editor.window(columns - prompt.count - 1)
        out += prompt + window.text + "\r\u{1B}[\(prompt.count + window.column)C"
        return out
    }

    private var footer: String {
        let names = typing.prefix(3).map { transcript.name(of: $0) }
        let who =
            names.isEmpty
            ? ""
            : names.joined(separator: ", ") + (typing.count > 3 ? " and others" : "")
                + (typing.count == 1 ? " is typing" : " are typing")
        return ["── \(room)", status, who].filter { !$0.isEmpty }.joined(separator: " · ")
    }
}

extension String {
    fileprivate var trimmingEnd: String { hasSuffix(".") ? String(dropLast()) : self }
}
