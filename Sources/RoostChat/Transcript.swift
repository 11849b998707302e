import Foundation
import RoostClient

/// Messages and other news as lines of text. Names are looked up in what has been heard of members.
struct Transcript {
    private let style: Style
    private let timeZone: TimeZone
    private var names: [String: String] = [:]
    private var day = ""

    init(style: Style, timeZone: TimeZone = .current) {
        self.style = style
        self.timeZone = timeZone
    }

    /// What to call a user.
    func name(of user: String) -> String { TextWidth.harmless(names[user] ?? user) }

    /// The lines that an event comes to; none, if it is nothing to be told in lines.
    mutating func lines(for event: RoomEvent) -> [String] {
        switch event {
        case .message(let message): return lines(for: message)
        case .deleted(let deletion): return [style.dim("· message \(deletion.refSeq) was deleted")]
        case .gap(let from, let to):
            return [style.dim("· \(from == to ? "message \(from) is" : "messages \(from)–\(to) are") no longer kept")]
        case .reset: return [style.dim("· the room has begun anew")]
        case .refused(let error): return [style.warning("! \(TextWidth.harmless(error.reason))")]
        case .failed(_, let error): return [style.warning("! not sent: \(TextWidth.harmless(error.reason))")]
        case .userJoined(let user, let name):
            names[user] = name
            return [style.dim("→ \(self.name(of: user)) is here")]
        case .userLeft(let user, _): return [style.dim("← \(name(of: user)) has left")]
        case .joined(let joined):
            learn(joined.members)
            return []
        case .presence(let presence):
            learn(presence)
            return []
        case .left, .pending, .sent, .typing, .receipts: return []
        }
    }

    private mutating func learn(_ presence: RoomPresence?) {
        for member in presence?.members ?? [] { names[member.user] = member.name }
    }

    private mutating func lines(for message: RoostMessage) -> [String] {
        let (day, time) = stamp(message)
        var lines: [String] = []
        if day != self.day {
            self.day = day
            lines.append(style.dim("— \(day) —"))
        }
        let name = style.name(name(of: message.sender), isOwn: message.isOwn)
        let text = message.isDeleted ? style.dim("(deleted)") : TextWidth.harmless(message.content.description)
        return lines + ["\(style.dim(time)) \(name) \(text)"]
    }

    private func stamp(_ message: RoostMessage) -> (day: String, time: String) {
        guard let date = message.date else { return (day, "--:--") }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = timeZone
        let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute], from: date)
        func two(_ number: Int?) -> String { (number ?? 0) < 10 ? "0\(number ?? 0)" : "\(number ?? 0)" }
        return (
            "\(parts.year ?? 0)-\(two(parts.month))-\(two(parts.day))", "\(two(parts.hour)):\(two(parts.minute))"
        )
    }
}
