import RoostCore
import RoostWire

// Who is where, as a client is told.
extension SimClient {
    func members(_ payload: JSONFields) throws(JSONFields.Mismatch) -> Set<String>? {
        guard let list = payload.raw("members").flatMap({ JSONFields.elements(of: $0) }) else {
            wrong("asked who is there and was not told")
            return nil
        }
        var members: Set<String> = []
        for element in list {
            if let fields = try? JSONFields(element), let user = try fields.string("user") { members.insert(user) }
        }
        return members
    }

    func presenceChange(_ type: String, _ payload: JSONFields) throws(JSONFields.Mismatch) {
        let room = try payload.room()
        guard let index = seats.firstIndex(where: { $0.room == room }), let user = try payload.string("user") else {
            return wrong("heard of somebody somewhere")
        }
        guard seats[index].isIn else { return wrong("heard of \(user) in \(room), where it is not") }
        if plan.presence == false { wrong("heard of \(user) though it asked not to") }
        if type == "user_joined" {
            seats[index].members?.insert(user)
        } else {
            seats[index].members?.remove(user)
        }
    }

    func typing(_ payload: JSONFields) throws(JSONFields.Mismatch) {
        let room = try payload.room()
        guard let index = seats.firstIndex(where: { $0.room == room }), let user = try payload.string("user"),
            let isActive = try payload.bool("active")
        else { return wrong("heard of somebody who types nowhere") }
        guard seats[index].isIn else { return wrong("heard of \(user) typing in \(room), where it is not") }
        // Its own user may end on one connection what it began on another.
        guard user != self.user.text else { return }
        if isActive { seats[index].typists.insert(user) } else { seats[index].typists.remove(user) }
    }

    func presence(_ id: String, _ payload: JSONFields) throws(JSONFields.Mismatch) {
        let index: Int
        if case .presence(let asked)? = take(id, "presence", isMaybeUnasked: true) {
            index = asked
        } else {
            // The node repairs what it could not tell a slow reader.
            let room = try payload.room()
            guard let known = seats.firstIndex(where: { $0.room == room }), seats[known].isIn else {
                return wrong("was told who is in \(room), where it is not")
            }
            index = known
        }
        let members = try members(payload)
        // Only who is in and hears of changes can keep the list up to date.
        if seats[index].isIn, plan.presence != false { seats[index].members = members }
    }
}
