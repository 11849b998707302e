/// Rules between options, after each has been checked by itself.
func checkTogether(_ settings: Settings, _ origins: [String: SettingOrigin]) throws(SettingsError) {
    func name(_ key: String, _ flag: String) -> String { spelling(of: origins[key] ?? .default, key: key, flag: flag) }
    if !settings.bindsLoopbackOnly && !settings.allowAnonymous {
        throw .configuration(
            "\(name("host", "--host")) \(shown(settings.host)): must be a loopback address (127.0.0.0/8, ::1 or "
                + "localhost) unless \(name("allowAnonymous", "--allow-anonymous")) is on, which lets anybody in without "
                + "a token; sign-in by tokens is not in this version yet")
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
