/// Elements in order, each once, in pieces of bounded length: a change moves the elements of one piece, however many
/// there are in all.
public struct SortedList<Element: Comparable & Sendable>: Sendable {
    /// None is empty, and each ends before the next begins.
    private var pieces: [[Element]] = []
    public private(set) var count = 0

    /// A piece that would have more is cut in two; two neighbours that have half as many together become one.
    static var most: Int { 256 }

    public init() {}

    public var isEmpty: Bool { count == 0 }

    /// Does nothing if the element is there already.
    public mutating func insert(_ element: Element) {
        guard let last = pieces.indices.last else {
            pieces = [[element]]
            count = 1
            return
        }
        let piece = min(place(of: element), last)
        let index = pieces[piece].place(of: element)
        guard index == pieces[piece].count || pieces[piece][index] != element else { return }
        pieces[piece].insert(element, at: index)
        count += 1
        if pieces[piece].count > SortedList.most { divide(piece) }
    }

    /// Does nothing if the element is not there.
    public mutating func remove(_ element: Element) {
        let piece = place(of: element)
        guard piece < pieces.count else { return }
        let index = pieces[piece].place(of: element)
        guard pieces[piece][index] == element else { return }
        pieces[piece].remove(at: index)
        count -= 1
        if pieces[piece].isEmpty {
            pieces.remove(at: piece)
        } else if piece + 1 < pieces.count, pieces[piece].count + pieces[piece + 1].count <= SortedList.most / 2 {
            pieces[piece] += pieces.remove(at: piece + 1)
        }
    }

    /// The elements behind `cursor` in order; all of them if it is nil.
    public func after(_ cursor: Element?) -> Tail {
        guard let cursor else { return Tail(pieces: pieces, piece: 0, index: 0) }
        let piece = place(of: cursor)
        guard piece < pieces.count else { return Tail(pieces: pieces, piece: piece, index: 0) }
        let index = pieces[piece].place(of: cursor)
        return Tail(pieces: pieces, piece: piece, index: index + (pieces[piece][index] == cursor ? 1 : 0))
    }

    public struct Tail: Sequence, IteratorProtocol {
        fileprivate let pieces: [[Element]]
        fileprivate var piece: Int
        fileprivate var index: Int

        public mutating func next() -> Element? {
            while piece < pieces.count {
                if index < pieces[piece].count {
                    defer { index += 1 }
                    return pieces[piece][index]
                }
                (piece, index) = (piece + 1, 0)
            }
            return nil
        }
    }

    /// The first piece that does not end before `element`; the number of pieces if all of them do.
    private func place(of element: Element) -> Int {
        pieces.partitionPoint(where: { $0[$0.count - 1] < element })
    }

    private mutating func divide(_ piece: Int) {
        let half = pieces[piece].count / 2
        pieces.insert(Array(pieces[piece][half...]), at: piece + 1)
        pieces[piece] = Array(pieces[piece][..<half])
    }
}

extension Array {
    /// The index of the first element for which `precedes` is false; the array is sorted so that those for which it is
    /// true come first.
    package func partitionPoint(where precedes: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if precedes(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension Array where Element: Comparable {
    /// Where the first element is that is not before `element`.
    fileprivate func place(of element: Element) -> Int { partitionPoint(where: { $0 < element }) }
}
