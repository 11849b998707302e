/// Rules between options, after each has been checked by itself.
func checkTogether(_ settings: Settings, _ origins: [String: SettingOrigin]) throws(SettingsError) {
    func name(_ key: String, _ flag: String) -> String { spelling(of: origins[key] ?? .default, key: key, flag: flag) }
    if settings.conformance && !settings.bindsLoopbackOnly {
        throw .configuration(
            "\(name("host", "--host")) \(shown(settings.host)): must be a loopback address (127.0.0.0/8, ::1 or "
                + "localhost) while \(name("conformance", "--conformance")) is on, whose /echo asks for no token and "
                + "knows no rate limit; leave one of the two out")
    }
    if settings.auth == .anonymous && !settings.bindsLoopbackOnly && !settings.allowAnonymous {
        throw .configuration(
            "\(name("host", "--host")) \(shown(settings.host)): must be a loopback address (127.0.0.0/8, ::1 or "
                + "localhost) unless \(name("auth", "--auth")) is jwt, which asks everybody for a token, or "
                + "\(name("allowAnonymous", "--allow-anonymous")) is on, which lets anybody in without one")
    }
    if settings.auth == .jwt && settings.jwtSecret == nil {
        throw .configuration(
            "\(name("auth", "--auth")) jwt: needs the secret that tokens are signed with; set --jwt-secret, "
                + "ROOST_JWT_SECRET or ROOST_JWT_SECRET_FILE")
    }
    if (settings.tlsCert == nil) != (settings.tlsKey == nil) {
        let isCertificate = settings.tlsCert != nil
        let given = isCertificate ? name("tlsCert", "--tls-cert") : name("tlsKey", "--tls-key")
        throw .configuration(
            "\(given) \(shown(settings.tlsCert ?? settings.tlsKey ?? "")): needs "
                + (isCertificate
                    ? "--tls-key too, the PEM file of the certificate's private key"
                    : "--tls-cert too, the PEM file of the certificate that the key is of")
                + "; leave out both to serve without TLS")
    }
    if settings.bus.isShared, let kind = settings.kinds.first(where: { $0.log == .memory }) {
        throw .configuration(
            "\(name("bus", "--bus")): can't be combined with the kind of room "
                + "\(shown(kind.match)), whose log is memory, as other nodes can't see it; make it log: stored")
    }
    if let other = memoryStoreConflict(
        settings.store, busIsShared: settings.bus.isShared, hasQueue: settings.queue != .absent)
    {
        let names = (store: name("store", "--store"), other: name(other, "--" + other))
        throw .configuration(
            "\(names.store) memory: must be another store where \(names.other) brings in further processes, "
                + "as they can't see this one's memory")
    }
}

/// What is allowed but seems unwise.
func doubts(_ settings: Settings, _ origins: [String: SettingOrigin]) -> [SettingsWarning] {
    guard let secret = settings.jwtSecret else { return [] }
    let name = spelling(of: origins["jwtSecret"] ?? .default, key: "jwtSecret", flag: "--jwt-secret")
    var warnings = [SettingsWarning]()
    if let advice = Settings.advice(onSecret: secret) { warnings.append(SettingsWarning("\(name) \(advice)")) }
    if settings.auth == .anonymous {
        warnings.append(
            SettingsWarning("\(name) is set, but tokens are not looked at in anonymous mode; --auth jwt asks for them"))
    }
    return warnings
}

extension Settings {
    /// What to say of a secret that has less than RFC 7518 (section 3.2) asks for HS256, to follow its name; nil: nothing.
    public static func advice(onSecret secret: String) -> String? {
        guard secret.utf8.count < 32 else { return nil }
        return "is shorter than 32 bytes, so that whoever has a token could find it by trying; "
            + "`openssl rand -base64 32` makes one"
    }
}

/// The key of what a store in memory can't be combined with: others would answer for messages that they don't have.
func memoryStoreConflict(_ store: StoreURL, busIsShared: Bool, hasQueue: Bool) -> String? {
    guard store == .memory else { return nil }
    return busIsShared ? "bus" : hasQueue ? "queue" : nil
}

/// The option as the user wrote it; by its flag where it is at its default.
private func spelling(of origin: SettingOrigin, key: String, flag: String) -> String {
    switch origin {
    case .flag(let flag): flag
    case .environment(let variable): variable
    case .file(let path, let line): "\(key) (\(shown(path)) line \(line))"
    case .default: flag
    }
}
