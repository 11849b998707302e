/// Reads what follows the scheme of a URL of Redis, from `//` on.
/// - Parameter scheme: one of `redisSchemes`, in lower case.
func redisURL(_ scheme: String, _ rest: String) throws(Refusal) -> RedisURL {
    let form = redisForm(scheme)
    guard rest.hasPrefix("//") else { throw Refusal(reason: "must be \(form)") }
    var url = RedisURL(.single, [], isSecure: scheme.hasPrefix("rediss"))
    let (body, authorities) = try options(rest.dropFirst(2), url.isSecure, form)
    url.authorities = authorities
    // A password may have an @ in it that was not written as %40; hosts have none.
    let at = body.lastIndex(of: "@")
    let place = at.map { body[body.index(after: $0)...] } ?? body
    let slash = place.firstIndex(of: "/")
    let path = slash.map { place[place.index(after: $0)...] } ?? ""
    if let at { (url.user, url.password) = try credentials(body[..<at]) }
    url.hosts = try hosts(place[..<(slash ?? place.endIndex)], scheme, form)
    switch scheme.split(separator: "+").last {
    case "cluster":
        url.topology = .cluster
        guard path.isEmpty || path == "0" else {
            throw Refusal(reason: "names a database; a cluster has number 0 only")
        }
    case "sentinel":
        guard let master = percentDecoded(path), !master.isEmpty, !path.contains("/") else {
            throw Refusal(reason: "must name the master that the Sentinels look after: \(form)")
        }
        url.topology = .sentinel(master: master)
    default: url.database = try database(path)
    }
    return url
}

/// The schemes of Redis, in the order of the help.
let redisSchemes = ["redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel"]

private func redisForm(_ scheme: String) -> String {
    let form =
        switch scheme.split(separator: "+").last {
        case "cluster": scheme + "://[USER:PASSWORD@]HOST:PORT,HOST:PORT"
        case "sentinel": scheme + "://[USER:PASSWORD@]HOST:PORT,HOST:PORT/MASTER"
        default: scheme + "://[USER:PASSWORD@]HOST:PORT[/DB]"
        }
    return scheme.hasPrefix("rediss") ? form + "[?ca=FILE]" : form
}

/// Takes `?ca=FILE` from the end of what follows `//`.
private func options(
    _ text: Substring, _ isSecure: Bool, _ form: String
) throws(Refusal) -> (rest: Substring, authorities: String?) {
    var (rest, authorities): (Substring, String?) = (text, nil)
    if isSecure, let mark = text.lastIndex(of: "?"), text[mark...].hasPrefix("?ca=") {
        rest = text[..<mark]
        authorities = percentDecoded(text[mark...].dropFirst(4))
        guard authorities?.isEmpty == false else {
            throw Refusal(reason: "has no path of a file behind ?ca=: it must be \(form)")
        }
    }
    guard rest.contains("?") || rest.contains("#") else {
        return (rest, authorities)
    }
    throw Refusal(
        reason:
            "has no options behind ? or #\(isSecure ? " but ?ca=FILE" : ""), which a password writes as %3F and %23: "
            + "it must be \(form)")
}

private func credentials(_ text: Substring) throws(Refusal) -> (user: String?, password: String) {
    guard let colon = text.firstIndex(of: ":") else {
        throw Refusal(
            reason: "has a user and no password; write USER:PASSWORD@, or :PASSWORD@ where there are no users")
    }
    guard let user = percentDecoded(text[..<colon]), let password = percentDecoded(text[text.index(after: colon)...])
    else {
        throw Refusal(reason: "has a % in its user or password that is no %XX of UTF-8; % itself is written %25")
    }
    guard !password.isEmpty else {
        throw Refusal(reason: "has an empty password; leave out what stands before @ where there is none")
    }
    return (user.isEmpty ? nil : user, password)
}

private func hosts(_ text: Substring, _ scheme: String, _ form: String) throws(Refusal) -> [RedisURL.Host] {
    let port = scheme.hasSuffix("sentinel") ? 26_379 : 6379
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 1 || scheme.contains("+") else {
        throw Refusal(
            reason: "names several hosts, which only redis+cluster:// and redis+sentinel:// do; it must be \(form)")
    }
    var hosts = [RedisURL.Host]()
    for part in parts {
        guard !part.isEmpty else { throw Refusal(reason: "names no host: it must be \(form)") }
        guard let host = host(part, port: port) else {
            throw Refusal(reason: "has \(shown(String(part))) where HOST:PORT should be, a port being 1 to 65535")
        }
        hosts.append(host)
    }
    return hosts
}

private func host(_ text: Substring, port: Int) -> RedisURL.Host? {
    var (name, digits): (Substring, Substring?) = (text, nil)
    let close = text.lastIndex(of: "]") ?? text.startIndex
    if let colon = text[close...].lastIndex(of: ":") {
        (name, digits) = (text[..<colon], text[text.index(after: colon)...])
    }
    guard let number = digits.map({ wholeNumber($0) }) ?? port, (1...65_535).contains(number) else { return nil }
    if isBracketedAddress(name) { return RedisURL.Host(String(name.dropFirst().dropLast()), number) }
    return isHostName(name) ? RedisURL.Host(String(name), number) : nil
}

private func database(_ path: Substring) throws(Refusal) -> Int {
    if path.isEmpty { return 0 }
    guard let number = wholeNumber(path), number <= 1_000_000 else {
        throw Refusal(reason: "has \(shown(String(path))) where the number of a database should be, such as /0")
    }
    return number
}

/// The text that `%XX` stand for; nil: one of them is none, or it is no UTF-8.
func percentDecoded(_ text: Substring) -> String? {
    var (bytes, rest) = ([UInt8](), text.utf8[...])
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        let digits = rest.prefix(2)
        guard digits.count == 2, let text = String(digits), text.allSatisfy(\.isHexDigit),
            let value = UInt8(text, radix: 16)
        else { return nil }
        bytes.append(value)
        rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
}

/// The text with `%XX` for everything that could end a part of a URL.
func percentEncoded(_ text: String) -> String {
    text.utf8.map { byte in
        if isLetter(byte) || isDigit(byte) || "-._~".utf8.contains(byte) { return String(UnicodeScalar(byte)) }
        return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
}
