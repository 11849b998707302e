/// The name most like the text, if one is so close that it was plausibly meant.
///
/// Case and separators don't count, so `maxMessageBytes` finds `max-message-bytes`. A text that is the beginning of
/// one name only finds that name too.
func nearest(to text: String, among names: [String]) -> String? {
    let wanted = folded(text)
    // Nobody meant a name by something much longer than any, and the comparison takes time.
    guard !wanted.isEmpty, wanted.count <= 64 else { return nil }
    let tolerance = wanted.count <= 3 ? 1 : wanted.count <= 7 ? 2 : 3
    var best: (name: String, distance: Int)?
    for name in names {
        let candidate = folded(name)
        let distance = editDistance(wanted, candidate)
        // At least half of the name has to be right: two slips in a name of three letters leave nothing of it.
        guard distance <= tolerance, distance * 2 <= candidate.count else { continue }
        if distance < best?.distance ?? Int.max { best = (name, distance) }
    }
    if let best { return best.name }
    let beginnings = names.filter { wanted.count >= 3 && folded($0).starts(with: wanted) }
    return beginnings.count == 1 ? beginnings[0] : nil
}

private func folded(_ text: String) -> [UInt8] {
    text.lowercased().utf8.filter { isLetter($0) || isDigit($0) }
}

/// Damerau-Levenshtein distance in its common form (optimal string alignment): insertions, deletions, replacements
/// and swaps of neighbours each count one, and no letter is edited twice.
func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var beforeLast = [Int]()
    var last = Array(0...right.count)
    for i in 1...left.count {
        var row = [i]
        for j in 1...right.count {
            let cost = left[i - 1] == right[j - 1] ? 0 : 1
            var distance = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
            if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                distance = min(distance, beforeLast[j - 2] + 1)
            }
            row.append(distance)
        }
        (beforeLast, last) = (last, row)
    }
    return last[right.count]
}
