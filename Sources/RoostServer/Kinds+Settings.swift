import RoostCore
import RoostSettings

extension Kinds {
    /// The kinds of room as configured; throws for a pattern of names that the rules don't take.
    init(_ settings: [KindSetting]) throws(StartError) {
        var rules: [Rule] = []
        for (index, setting) in settings.enumerated() {
            guard let match = RoomPattern(setting.match) else {
                throw StartError(
                    "kinds: entry \(index + 1) has match: \(setting.match), which is no pattern of room names; "
                        + "it must be 1 to \(RoomPattern.maxBytes) of A-Z a-z 0-9 _ . : - and *")
            }
            rules.append(Rule(match: match, kind: RoomKind(setting)))
        }
        self.init(rules)
    }
}

extension RoomKind {
    init(_ setting: KindSetting) {
        self.init()
        log =
            switch setting.log {
            case .stored: .stored
            case .memory: .memory
            }
        retainCount = setting.retainCount > 0 ? setting.retainCount : nil
        retainAgeMs = setting.retainAge > .zero ? setting.retainAge.milliseconds : nil
        presence =
            switch setting.presence {
            case .full: .full
            case .count: .count
            case .off: .off
            }
        receipts = setting.receipts
        createOnJoin = setting.createOnJoin
        publish =
            switch setting.publish {
            case .members: .members
            case .servers: .servers
            }
        history =
            switch setting.history {
            case .members: .members
            case .none: .none
            }
    }
}
