extension ValueForm<StoreURL> {
    static var store: Self {
        ValueForm(
            placeholder: "URL", allowed: "sqlite:PATH, memory: or dynamodb://REGION",
            read: { written throws(Refusal) in
                let (scheme, rest) = try schemeAndRest(written, known: ["sqlite", "memory", "dynamodb"], later: [])
                if scheme == "sqlite" { return .sqlite(path: try sqlitePath(rest)) }
                if scheme == "dynamodb" { return .dynamoDB(try dynamoDBPlace(rest)) }
                guard rest.isEmpty else { throw Refusal() }
                return .memory
            },
            write: { .text($0.description) })
    }
}

extension ValueForm<BusURL> {
    static var bus: Self {
        ValueForm(
            placeholder: "URL",
            allowed: "local:, redis://[USER:PASSWORD@]HOST:PORT[/DB], redis+sentinel://HOST:PORT,…/MASTER or "
                + "redis+cluster://HOST:PORT,…, with rediss for TLS and ?ca=FILE for its authority",
            read: { written throws(Refusal) in
                let (scheme, rest) = try schemeAndRest(written, known: ["local"] + redisSchemes, later: [])
                if redisSchemes.contains(scheme) { return .redis(try redisURL(scheme, rest)) }
                guard rest.isEmpty else { throw Refusal() }
                return .local
            },
            write: { .text($0.description) })
    }
}

extension ValueForm<QueueURL> {
    static var queue: Self {
        ValueForm(
            placeholder: "URL", allowed: "none:",
            read: { written throws(Refusal) in
                guard try schemeAndRest(written, known: ["none"], later: ["amqp", "amqps"]).rest.isEmpty else {
                    throw Refusal()
                }
                return .absent
            },
            write: { .text($0.description) })
    }
}

/// Splits a URL behind its scheme; throws unless the scheme is known. `later` are those that this version has not yet.
private func schemeAndRest(
    _ written: Written, known: [String], later: [String]
) throws(Refusal) -> (scheme: String, rest: String) {
    let text = try written.single()
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let scheme = String(parts.first ?? "").lowercased()
    if parts.count == 2, known.contains(scheme) { return (scheme, String(parts[1])) }
    if later.contains(scheme) {
        let present = spokenList(known.map { $0 + ":" })
        throw Refusal(reason: "\(scheme):// is not in this version yet; it has \(present)")
    }
    throw Refusal(suggestion: nearest(to: scheme, among: known).map { $0 + ":" })
}

private func sqlitePath(_ text: String) throws(Refusal) -> String {
    let example = "such as sqlite:data/roost.db or sqlite:/var/lib/roost/roost.db"
    if text.isEmpty { throw Refusal(reason: "has no path: it must be sqlite:PATH, \(example)") }
    // SQLite would take both for databases that are gone at the end of the process.
    if text == ":memory:" || text.hasPrefix("file:") {
        throw Refusal(reason: "must name a plain file, \(example); a store in memory is memory:")
    }
    // Two slashes make the first directory look like a host name, so what was meant is anybody's guess.
    if text.hasPrefix("//") {
        guard text.hasPrefix("///"), !text.hasPrefix("////") else {
            throw Refusal(reason: "must be sqlite:PATH without //, \(example)")
        }
        return String(text.dropFirst(2))
    }
    return text
}
