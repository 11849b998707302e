/// What a client's machine wants done.
package enum ClientAction: Sendable {
    /// Open a connection by this transport; what comes of it is told with this number.
    case open(connection: Int, transport: String, protocols: [String], query: [QueryItem])
    case close(connection: Int, code: Int, reason: String)
    case write(connection: Int, ClientFrame)
    /// Give `wake` at this time, or a little later; replaces what was asked for before.
    case wake(at: Int64)
    /// Ask the application for a token.
    case fetchToken
    case keep(KeptMessage)
    case forget(id: String)
    case keepPosition(room: String, RoostPosition)
    case forgetPosition(room: String)
    case keepSession(String)
    case answer(request: String, Result<ServerFrame.Body, RoostError>)
    case emit(ClientEvent)

    package struct QueryItem: Sendable, Equatable {
        package var name: String
        package var value: String

        init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }
}

/// What the application hears.
package enum ClientEvent: Sendable {
    case state(ConnectionState)
    case room(String, RoomEvent)
    /// Of the user's own room, without a join.
    case personal(RoomEvent)
    case roomCreated(RoomInfo)
    /// A refusal that belongs to nothing that was asked.
    case error(RoostError, room: String?)
}
