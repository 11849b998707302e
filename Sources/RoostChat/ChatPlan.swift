import RoostClient

/// What `roost chat` was asked to do.
public struct ChatPlan: Sendable {
    public var url: String
    public var room: String
    public var user: String?
    public var name: String?
    public var token: String?
    /// How many of the newest messages are shown at the start.
    public var history: Int
    /// Sends what comes on standard input, shows nothing, and ends.
    public var isOnce: Bool
    public var isColoured: Bool

    public init(
        url: String, room: String, user: String?, name: String?, token: String?, history: Int, isOnce: Bool,
        isColoured: Bool
    ) {
        self.url = url
        self.room = room
        self.user = user
        self.name = name
        self.token = token
        self.history = history
        self.isOnce = isOnce
        self.isColoured = isColoured
    }

    /// Chats until the user has had enough.
    /// - Returns: whether all went well; else why not has been said on standard error.
    /// - Throws: `RoostError`, for what can be seen to be wrong before anything was tried.
    public func run() async throws -> Bool {
        var getToken: TokenSource?
        if let token { getToken = { token } }
        let roost = try Roost(url, user: user, name: name, getToken: getToken)
        let isFine =
            if isOnce || !Terminal.isInteractive {
                await PipedChat(roost: roost, plan: self).run()
            } else {
                await InteractiveChat(roost: roost, plan: self).run()
            }
        await roost.close()
        return isFine
    }
}
