import RoostCore
import RoostEngine

extension Case {
    static let reading: [Case] = [
        Case("reading forward pages through the log") { make in
            let store = try await make()
            try await store.fill(25)
            var seqs: [UInt64] = []
            var cursor: UInt64 = 0
            var sizes: [Int] = []
            while true {
                let page = try require(try await store.read(.general, after: cursor, limit: 10, maxBytes: .max))
                try expect(page.head.head, is: 25)
                guard let last = page.messages.last else { break }
                sizes.append(page.messages.count)
                seqs += page.messages.map(\.seq)
                cursor = last.seq
            }
            try expect(seqs, is: Array(1...25))
            try expect(sizes, is: [10, 10, 5])
        },
        Case("reading backward pages through the log, each page oldest first") { make in
            let store = try await make()
            try await store.fill(25)
            var pages: [[UInt64]] = []
            var cursor: UInt64?
            while true {
                let page = try require(try await store.read(.general, before: cursor, limit: 10, maxBytes: .max))
                guard let first = page.messages.first else { break }
                pages.append(page.messages.map(\.seq))
                cursor = first.seq
            }
            try expect(pages, is: [Array(16...25), Array(6...15), Array(1...5)])
        },
        Case("a page ends with the message that crosses the byte limit") { make in
            let store = try await make()
            // Contents of 12 bytes each.
            let drafts = try (1...10).map { try draft("m\($0)", content: "\"0123456789\"") }
            _ = try await store.append(drafts, at: time(1000))
            for (maxBytes, count) in [(1, 1), (12, 1), (13, 2), (24, 2), (25, 3), (1000, 10), (0, 1)] {
                let page = try require(try await store.read(.general, after: 0, limit: 100, maxBytes: maxBytes))
                try expect(page.messages.count, is: count)
                let newest = try require(
                    try await store.read(.general, before: nil, limit: 100, maxBytes: maxBytes))
                try expect(newest.messages.map(\.seq), is: (11 - UInt64(count)...10).map { $0 })
            }
            let page = try require(try await store.read(.general, after: 8, limit: 1, maxBytes: 1000))
            try expect(page.messages.map(\.seq), is: [9])
        },
        Case("the edges of a log are empty pages, not errors") { make in
            let store = try await make()
            try await store.fill(3)
            for after in [3, 4, 1 << 40, UInt64.max] {
                let page = try require(try await store.read(.general, after: after, limit: 10, maxBytes: .max))
                try expect(page.messages, is: [])
                try expect(page.head.head, is: 3)
            }
            for before in [UInt64(0), 1] {
                try expect(try await store.read(.general, before: before, limit: 10, maxBytes: .max)?.messages, is: [])
            }
            for before in [4, 5, 1 << 40, UInt64.max] {
                try expect(
                    try await store.read(.general, before: before, limit: 10, maxBytes: .max)?.messages.count, is: 3)
            }
            try expect(
                try await store.read(.general, before: 2, limit: 10, maxBytes: .max)?.messages.map(\.seq), is: [1])
            try expect(try await store.read(.general, before: nil, limit: 0, maxBytes: .max)?.messages, is: [])
            try expect(try await store.read(.general, after: 0, limit: 0, maxBytes: .max)?.messages, is: [])
        },
        Case("an empty room has an empty log, an unknown one has none") { make in
            let store = try await make()
            let page = try require(try await store.read(.support, after: 0, limit: 10, maxBytes: .max))
            try expect(page.head.head, is: 0)
            try expect(page.messages, is: [])
            try expect(try await store.read(.support, before: nil, limit: 10, maxBytes: .max)?.messages, is: [])
            try expect(try await store.read(try room("nowhere"), after: 0, limit: 10, maxBytes: .max), is: nil)
            try expect(try await store.read(try room("nowhere"), before: nil, limit: 10, maxBytes: .max), is: nil)
            try expect(try await store.room(try room("nowhere")), is: nil)
        },
        Case("heads answers for the rooms that exist") { make in
            let store = try await make()
            try await store.fill(7)
            let heads = try await store.heads([.general, .support, try room("nowhere"), .general])
            try expect(Set(heads.keys), is: [.general, .support])
            try expect(heads[.general]?.head, is: 7)
            try expect(heads[.general]?.floor, is: 0)
            try expect(heads[.general]?.visibility, is: .public)
            try expect(heads[.support]?.head, is: 0)
            try expect(try await store.heads([]).isEmpty)
        },
        Case("rooms don't see each other's messages") { make in
            let store = try await make()
            for step in 0..<30 { _ = try await store.say(try draft("m\(step)", to: "r\(step % 3)")) }
            for place in 0..<3 {
                let log = try await store.log("r\(place)")
                try expect(log.map(\.seq), is: Array(1...10))
                try expect(log.allSatisfy { $0.room.text == "r\(place)" })
                try expect(log.first?.id.text, is: "m\(place)")
                try expect(
                    try await store.read(try room("r\(place)"), before: nil, limit: 99, maxBytes: .max)?.messages,
                    is: log)
            }
        },
    ]
}
