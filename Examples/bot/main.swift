// A bot: answers !ping, !time and !count in a room.
//
//     swift run bot ws://127.0.0.1:8080 general bot.jsonl
//
// The file remembers how far it has heard, so that it answers, after a restart, what was asked meanwhile, and nothing
// twice: an answer is named after its question, and the server stores a name once.

import Foundation
import RoostClient

func say(_ line: String) {
    FileHandle.standardError.write(Data("bot: \(line)\n".utf8))
}

func stop(_ line: String) -> Never {
    say(line)
    exit(1)
}

/// As the web chat writes messages; others write plain text.
struct Saying: Codable {
    var text: String
}

/// What to answer; nil: it was not for us.
func answer(to message: RoostMessage) -> String? {
    switch message.content.text ?? (try? message.content.decode(Saying.self))?.text {
    case "!ping": "pong"
    case "!time": Date().formatted(.iso8601)
    case "!count": "This room has heard \(message.seq) messages."
    default: nil
    }
}

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 3, let url = arguments.first, let file = arguments.last else {
    stop("how to use it: bot ws://HOST:PORT ROOM FILE")
}

do {
    var options = RoostOptions()
    options.file = file
    let roost = try Roost(url, user: "bot", name: "Bot", options: options)
    let room = roost.join(Array(arguments)[1], isDurable: true)
    for await event in room.events {
        switch event {
        case .joined: say("is in \(room.name)")
        case .message(let message) where !message.isOwn:
            guard let answer = answer(to: message) else { break }
            try room.post(RoostContent(Saying(text: answer)), id: "answer-\(message.seq)")
        case .failed(let id, let error): say("\(id) was not sent: \(error)")
        case .refused(let error): stop("is not let in: \(error)")
        default: break
        }
    }
} catch {
    stop("\(error)")
}
