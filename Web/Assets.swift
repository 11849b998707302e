/// The files of the web chat and the client for browsers, as they are in the binary.
public struct WebAsset: Sendable {
    public let bytes: [UInt8]
    public let contentType: String

    /// The page itself.
    public static let page = WebAsset(bytes: PackageResources.index_html, contentType: "text/html; charset=utf-8")

    /// What pages ask for, this one's and others', by path.
    public static let files: [String: WebAsset] = [
        "chat.css": style(PackageResources.chat_css),
        "theme.css": style(PackageResources.theme_css),
        "chat.js": script(PackageResources.chat_js),
        "composer.js": script(PackageResources.composer_js),
        "identity.js": script(PackageResources.identity_js),
        "message.js": script(PackageResources.message_js),
        "pane.js": script(PackageResources.pane_js),
        "people.js": script(PackageResources.people_js),
        "rooms.js": script(PackageResources.rooms_js),
        "status.js": script(PackageResources.status_js),
        "text.js": script(PackageResources.text_js),
        "timeline.js": script(PackageResources.timeline_js),
        "icon.svg": WebAsset(bytes: PackageResources.icon_svg, contentType: "image/svg+xml"),
        "roost.js": script(PackageResources.roost_js),
        "roost.d.ts": WebAsset(bytes: PackageResources.roost_d_ts, contentType: "text/plain; charset=utf-8"),
    ]

    private static func style(_ bytes: [UInt8]) -> WebAsset {
        WebAsset(bytes: bytes, contentType: "text/css; charset=utf-8")
    }

    private static func script(_ bytes: [UInt8]) -> WebAsset {
        WebAsset(bytes: bytes, contentType: "text/javascript; charset=utf-8")
    }
}
