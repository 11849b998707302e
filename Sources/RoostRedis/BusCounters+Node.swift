internal import RoostEngine

extension BusCounters {
    init(_ node: Node) {
        self.init()
        published = node.commands.published
        dropped = node.commands.dropped
        received = node.subscriptions.received
        reconnects = node.commands.link.reconnects + node.subscriptions.link.reconnects
    }
}
