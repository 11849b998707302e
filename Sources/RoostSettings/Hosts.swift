// Names and addresses of hosts. Plain ASCII rules: a name that is not ASCII has to be written in its `xn--` form.

/// Whether the host can be reached from this machine only: 127.0.0.0/8, `::1` or `localhost`.
///
/// Other spellings of the same addresses are not recognised: they then need `--allow-anonymous`, which is safe.
func isLoopback(host: String) -> Bool {
    if host.lowercased() == "localhost" || host == "::1" || host == "0:0:0:0:0:0:0:1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return isIPv4(host[...]) && parts.first == "127"
}

func isIPv4(_ text: Substring) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
        && parts.allSatisfy { part in
            // A leading zero means octal to some readers.
            guard let number = wholeNumber(part), number <= 255 else { return false }
            return part == String(number)
        }
}

/// Whether the text looks like an IPv6 address, with or without a zone (`fe80::1%eth0`); the system has the last word.
func isIPv6(_ text: Substring) -> Bool {
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = parts.first, address.utf8.count(where: { $0 == UInt8(ascii: ":") }) >= 2 else { return false }
    if parts.count == 2, parts[1].isEmpty || !isHostName(parts[1]) { return false }
    return address.utf8.count <= 45
        && address.utf8.allSatisfy { isDigit($0) || "abcdefABCDEF:.".utf8.contains($0) }
}

func isBracketedAddress(_ text: Substring) -> Bool {
    text.hasPrefix("[") && text.hasSuffix("]") && isIPv6(text.dropFirst().dropLast())
}

/// Whether the text is a host name or an IPv4 address: up to 253 letters, digits, `-`, `_` and single dots between.
func isHostName(_ text: Substring) -> Bool {
    guard (1...253).contains(text.utf8.count) else { return false }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    // Only an address ends in a number, and a mistyped address should not be looked up as a name.
    if let last = labels.last, wholeNumber(last) != nil, !isIPv4(text) { return false }
    return labels.allSatisfy { label in
        !label.isEmpty && label.utf8.first != UInt8(ascii: "-")
            && label.utf8.allSatisfy { isLetter($0) || isDigit($0) || "-_".utf8.contains($0) }
    }
}

func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
}

func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}

/// A number written in decimal digits only; nil: anything else, or more than an `Int` holds.
func wholeNumber(_ text: some StringProtocol) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy(isDigit) else { return nil }
    return Int(text)
}
