extension RoomPlan {
    /// Makes a plan of a wish: a legal name is the room's name, any other text its title, and without one the room
    /// is named by `freshID`. A creator who is not listed is added.
    public static func from(
        _ wish: Command.RoomWish, creator: UserID?, freshID: () -> String
    ) -> Result<RoomPlan, Failure> {
        var participants: [UserID] = []
        var known: Set<UserID> = []
        for user in wish.participants + (creator.map { [$0] } ?? []) where known.insert(user).inserted {
            participants.append(user)
        }
        guard participants.count <= RoomInfo.maxParticipants else {
            return .failure(
                Failure(.invalid, "A room is created with at most \(RoomInfo.maxParticipants) participants."))
        }
        if let title = wish.name, !isPrintable(title, upTo: RoomInfo.maxTitleBytes) {
            return .failure(Failure(.invalid, "A room's name has 1 to \(RoomInfo.maxTitleBytes) bytes of plain text."))
        }
        guard let name = wish.name.flatMap({ RoomName($0) }) ?? RoomName(freshID()), !name.isReserved else {
            return .failure(Failure(.invalid, "Names that start with user: are kept for personal rooms."))
        }
        return .success(
            RoomPlan(name: name, title: wish.name, visibility: wish.visibility, participants: participants))
    }
}
