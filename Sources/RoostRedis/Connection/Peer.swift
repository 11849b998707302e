import NIOCore
import RoostEngine

/// One server, as messages name it, and the sentences about it.
struct Peer: Sendable {
    let endpoint: RedisEndpoint
    /// As the credentials name them; nil: nobody in particular.
    let user: String?
    /// Whether another server may be found in this one's place.
    let isFound: Bool
    let isSecure: Bool

    var name: String { "Redis at \(endpoint)" }

    /// What an error reply means to us: a sentence that says what happened and what to do.
    func refusal(_ text: String) -> BusError {
        let code = text.prefix { $0 != " " }
        switch code {
        case "WRONGPASS":
            return .refused(
                "\(name) refuses the user or password of --bus: give it those that `ACL LIST` or `requirepass` there has"
            )
        case "NOAUTH":
            return .refused("\(name) asks for a password: put it into --bus, as in redis://user:password@HOST:PORT")
        case "NOPERM":
            return .refused(
                "\(name) does not let \(user.map { "the user \($0)" } ?? "this user") do what the bus needs (\(text)): "
                    + "`ACL SETUSER … ~roost:* &roost:* +@all -@admin` allows it")
        case "READONLY": return readOnly
        case "OOM":
            return .refused("\(name) is out of memory and refuses writes: raise its maxmemory, or free some (\(text))")
        case "MISCONF":
            return .refused("\(name) can't save to its disk and refuses writes: see its log (\(text))")
        case "NOREPLICAS":
            return .refused("\(name) refuses writes for lack of replicas: bring them back (\(text))")
        case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY":
            return .away("\(name) is not ready: \(text). It is tried again")
        default:
            // A command that is not known is told with what was given to it, the password of AUTH included.
            let text = text.firstRange(of: ", with args beginning with").map { String(text[..<$0.lowerBound]) } ?? text
            if text.hasPrefix("ERR AUTH") || text.hasPrefix("ERR Client sent AUTH") {
                return .refused("\(name) has no password, and --bus gives one: leave it out, or set requirepass there")
            }
            if text.hasPrefix("ERR invalid password") {
                return .refused("\(name) refuses the password of --bus: give it the one of `requirepass` there")
            }
            if text.hasPrefix("ERR DB index") {
                return .refused("\(name) has no database of the number in --bus: name one below its `databases`")
            }
            return .refused("\(name) refuses what the bus needs: \(text)")
        }
    }

    var readOnly: BusError {
        .refused(
            "\(name) is a replica and refuses writes: "
                + (isFound ? "the master is looked for again" : "name its master in --bus, or its Sentinels"))
    }

    /// The connection could not be opened.
    func unreachable(_ error: any Error) -> BusError {
        .away("\(name) can't be reached: \(explain(error)). See that it runs and that --bus names its host and port")
    }

    /// The connection was there and broke.
    func broken(_ error: any Error) -> BusError {
        if let error = error as? RespError { return .refused("\(name) \(error.reason)") }
        return .away("The connection to \(name) broke: \(explain(error)). It is tried again")
    }

    /// Answers that do not fit what was asked.
    var outOfStep: BusError {
        .away("\(name) answers what it was not asked. The connection is opened again")
    }

    var closed: BusError { .away("\(name) closed the connection. It is tried again") }
    var silence: BusError {
        .away(
            "\(name) does not answer: it is stopped, paused or overloaded, the way to it is cut"
                + (isSecure ? ", or it speaks no TLS on this port, which redis:// is for" : "") + ". It is tried again")
    }
    var unanswered: BusError { .away("\(name) did not answer in time; whether it did what it was asked is not known") }
    var overfull: BusError {
        .away("\(name) takes commands more slowly than they come: too many bytes wait for it. Try again later")
    }
}

extension BusError {
    /// As people are told it.
    var reason: String {
        switch self {
        case .away(let reason), .refused(let reason): reason
        case .stopped: "The bus has been stopped"
        }
    }
}
