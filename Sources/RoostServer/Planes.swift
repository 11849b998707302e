import RoostSettings

extension Set<Plane> {
    /// As they are always listed.
    var inOrder: [Plane] { Plane.allCases.filter(contains) }
}

// What is told somebody who has come to a node of the other plane.
extension Settings {
    /// Why WebSockets are not served here; nil: they are.
    var noWebSockets: String? {
        planes.contains(.websocket)
            ? nil : "This node serves HTTP only (--planes http); connect to one that serves the plane websocket."
    }

    /// Why the HTTP API is not served here; nil: it is.
    var noHTTP: String? {
        planes.contains(.http)
            ? nil : "This node serves WebSockets only (--planes websocket); send it to one that serves the plane http."
    }
}
