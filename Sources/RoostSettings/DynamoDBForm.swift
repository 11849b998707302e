/// Reads what is behind `dynamodb:` in a store's URL: `//REGION[?endpoint=URL&prefix=roost_&create=true]`.
func dynamoDBPlace(_ text: String) throws(Refusal) -> DynamoDBURL {
    let example = "such as dynamodb://eu-central-1"
    let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let region = String(parts.first ?? "")
    guard region.hasPrefix("//"), region.count > 2 else {
        throw Refusal(reason: "has no region: it must be dynamodb://REGION, \(example)")
    }
    guard region.dropFirst(2).utf8.allSatisfy(isOfRegion), region.utf8.count <= 34 else {
        throw Refusal(reason: "must name a region of AWS behind dynamodb://, \(example)")
    }
    var url = DynamoDBURL(region: String(region.dropFirst(2)))
    var seen: Set<String> = []
    for field in parts.dropFirst().first?.split(separator: "&") ?? [] {
        let pair = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let (name, value) = (String(pair[0]), pair.count == 2 ? String(pair[1]) : "")
        guard seen.insert(name).inserted else { throw Refusal(reason: "has \(shown(name)) twice") }
        switch name {
        case "endpoint": url.endpoint = try endpoint(value)
        case "prefix": url.prefix = try prefix(value)
        case "create": url.create = try isTrue(value)
        default: throw Refusal(reason: "knows endpoint, prefix and create behind its ?, not \(shown(masked(name)))")
        }
    }
    return url
}

private func isOfRegion(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
    default: false
    }
}

private func endpoint(_ value: String) throws(Refusal) -> String {
    let refusal = Refusal(
        reason: "its endpoint must be http://HOST:PORT or https://HOST, without a user, a path or a query")
    let scheme = ["http://", "https://"].first { value.hasPrefix($0) }
    guard let scheme else { throw refusal }
    var host = value.dropFirst(scheme.count)
    if host.hasSuffix("/") { host.removeLast() }
    guard !host.isEmpty, !host.contains(where: { "/@?# ".contains($0) }), host.utf8.count <= 255 else { throw refusal }
    return scheme + host
}

private func prefix(_ value: String) throws(Refusal) -> String {
    let isLegal = value.utf8.allSatisfy { byte in
        isOfRegion(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: ".")
    }
    guard isLegal, value.utf8.count <= 200 else {
        throw Refusal(reason: "its prefix must be up to 200 letters, digits, _ . and -, as in roost_")
    }
    return value
}

private func isTrue(_ value: String) throws(Refusal) -> Bool {
    guard value == "true" || value == "false" else { throw Refusal(reason: "its create must be true or false") }
    return value == "true"
}
