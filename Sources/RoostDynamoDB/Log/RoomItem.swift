import RoostCore
import RoostEngine

/// A room as the table `rooms` has it, its part `info`.
struct RoomItem: Sendable, Equatable {
    var name: RoomName
    var title: String
    var visibility: Visibility
    var createdAt: Timestamp
    /// Where its log is; another one, and it is another room of the same name.
    var epoch: Epoch
    /// A block in which there is a chunk, if there is one in any: the log's end is there or further on.
    var block: UInt64 = 0
    /// The floor as it was moved apart from appends; the log's newest chunk may have a higher one.
    var floor: UInt64 = 0
    /// Everything up to this has been deleted from the table.
    var trimmed: UInt64 = 0

    static let part = "info"

    static func key(_ name: RoomName) -> Key { Key(name.text, text: part) }

    var key: Key { RoomItem.key(name) }

    /// That the room is still this one.
    var isPresent: Condition { .present(["epoch": .text(epoch.text)]) }

    init(plan: RoomPlan, epoch: Epoch, at now: Timestamp) {
        name = plan.name
        title = plan.title ?? plan.name.text
        visibility = RoomRules.visibility(of: plan.name, asked: plan.visibility)
        createdAt = now
        self.epoch = epoch
    }

    init(_ item: Item) throws(TableError) {
        guard let name = item.text("room").flatMap({ RoomName($0) }), let title = item.text("title"),
            let visibility = item.text("visibility").flatMap({ Visibility(rawValue: $0) }),
            let createdAt = item.number("createdAt"), let epoch = item.text("epoch").flatMap({ Epoch($0) })
        else { throw TableError(.corrupt, "the room \(item.text("room") ?? "?") can't be read") }
        self.name = name
        self.title = title
        self.visibility = visibility
        self.createdAt = Timestamp(milliseconds: createdAt)
        self.epoch = epoch
        block = UInt64(clamping: item.number("block") ?? 0)
        floor = UInt64(clamping: item.number("floor") ?? 0)
        trimmed = UInt64(clamping: item.number("trimmed") ?? 0)
    }

    var item: Item {
        var item = key.item(in: .rooms)
        item["title"] = .text(title)
        item["visibility"] = .text(visibility.rawValue)
        item["createdAt"] = .number(createdAt.milliseconds)
        item["epoch"] = .text(epoch.text)
        item["block"] = .number(Int64(block))
        item["floor"] = .number(Int64(floor))
        item["trimmed"] = .number(Int64(trimmed))
        item[Table.listing] = .text(visibility.rawValue)
        return item
    }
}
