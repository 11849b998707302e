/// Colours and weights, where the terminal has them and its user wants them.
struct Style: Sendable {
    var isColoured: Bool

    func dim(_ text: String) -> String { wrap(text, "2") }
    func bold(_ text: String) -> String { wrap(text, "1") }
    func warning(_ text: String) -> String { wrap(text, "33") }

    /// A name in a colour of its own, the same everywhere.
    func name(_ name: String, isOwn: Bool) -> String {
        // FNV-1a: a colour must not change from one run to the next, as Swift's hashes do.
        let hash = name.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
        let colours = ["31", "32", "34", "35", "36", "91", "92", "94", "95", "96"]
        return wrap(name, isOwn ? "1" : "1;" + colours[Int(hash % UInt32(colours.count))])
    }

    private func wrap(_ text: String, _ code: String) -> String {
        isColoured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
