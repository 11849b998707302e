/// What a node serves.
public enum Plane: String, Sendable, CaseIterable {
    /// The HTTP API and the web chat's page.
    case http
    /// Connections that stay: WebSockets.
    case websocket
}

extension ValueForm<Set<Plane>> {
    /// One plane or both: in the file a list, everywhere a text with commas between them.
    static var planes: Self {
        let names = Plane.allCases.map(\.rawValue)
        return ValueForm(
            placeholder: names.joined(separator: ","), allowed: "http, websocket or http,websocket",
            read: { written throws(Refusal) in
                var planes: Set<Plane> = []
                for text in try planeTexts(written) {
                    guard let plane = Plane(rawValue: text) else {
                        throw Refusal(suggestion: nearest(to: text, among: names))
                    }
                    guard planes.insert(plane).inserted else { throw Refusal(reason: "has \(shown(text)) twice") }
                }
                guard !planes.isEmpty else { throw Refusal() }
                return planes
            },
            write: { planes in
                .text(Plane.allCases.filter { planes.contains($0) }.map(\.rawValue).joined(separator: ","))
            })
    }
}

private func planeTexts(_ written: Written) throws(Refusal) -> [String] {
    if case .list(let items) = written {
        return try items.map { item throws(Refusal) in try item.single() }
    }
    return try written.single().split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
}
