import HTTPTypes
import Hummingbird
import NIOCore
import RoostCore
import RoostEngine
import RoostHub
import RoostSettings
import RoostWire

// What operators and load balancers ask.
extension API {
    func addOperations(_ routes: RouterGroup<Context>) {
        routes.get("/health") { _, _ in await health() }
        routes.get("/ready") { _, _ in await ready() }
        routes.get("/metrics") { _, _ in await metrics() }
    }

    /// Liveness: 200 as long as the process answers, whatever its engines do.
    private func health() async -> Response {
        let isStoreThere = await storeProbe.isThere(within: StoreProbe.livenessPatience)
        let clients = await hub.clients(limit: 1000)
        return jsonResponse { out in
            out.put("{\"status\":\"healthy\"")
            out.field("hostname", hub.node)
            out.field("connections", admission.connections)
            out.field("uptimeSeconds", vitals.uptimeSeconds)
            out.put(",\"draining\":")
            out.putBool(vitals.isDraining)
            out.put(",\"planes\":")
            out.putList(settings.planes.inOrder) { $0.putString($1.rawValue) }
            out.field("store", vitals.storeKind)
            out.put(",\"store_connected\":")
            out.putBool(isStoreThere)
            if let isBusThere = hub.isBusThere {
                out.put(",\"redis_connected\":")
                out.putBool(isBusThere)
                out.field("nodes", hub.nodes)
            }
            // Ids are nobody's business where people sign in.
            if hub.isAnonymous {
                out.put(",\"active_clients\":")
                out.putList(clients) { $0.putString($1) }
            }
            out.put("}")
        }
    }

    private func ready() async -> Response {
        if vitals.isDraining { return notReady("The node is draining.") }
        guard await storeProbe.isThere(within: StoreProbe.readinessPatience) else {
            return notReady("The store does not answer.")
        }
        return jsonResponse { $0.put("{\"status\":\"ready\"}") }
    }

    private func notReady(_ reason: String) -> Response {
        Problem.response(status: 503, code: ErrorCode.unavailable.rawValue, detail: reason, retryAfterMs: 1000)
    }

    private func metrics() async -> Response {
        let counters = await hub.counters()
        var text = MetricsText()
        text.gauge("roost_connections", "WebSocket connections open now.", counters.connections)
        text.gauge("roost_rooms_open", "Rooms with a reader on this node, counted per event loop.", counters.rooms)
        text.gauge("roost_recent_bytes", "Bytes of recent messages held in memory.", hub.recentBytes)
        text.gauge("roost_uptime_seconds", "Seconds since the start.", vitals.uptimeSeconds)
        text.counter("roost_connections_opened_total", "WebSocket connections accepted.", counters.connectionsOpened)
        text.counter("roost_frames_received_total", "Text frames received.", counters.framesReceived)
        text.counter(
            "roost_messages_published_total", "Messages handed to the log by WebSocket.", counters.messagesPublished)
        text.counter("roost_messages_delivered_total", "Messages queued for a reader.", counters.messagesDelivered)
        text.counter("roost_messages_duplicate_total", "Messages recognised as sent before.", counters.duplicates)
        text.counter(
            "roost_transient_dropped_total", "Presence news dropped for slow readers.", counters.transientDropped)
        text.counter(
            "roost_messages_deflated_total", "Messages compressed, each once for all readers of an event loop.",
            counters.messagesDeflated)
        text.counters(
            "roost_deflated_bytes_total", "Bytes of those messages before and after compression.", label: "state",
            [("before", counters.bytesBeforeDeflating), ("after", counters.bytesAfterDeflating)])
        text.counter("roost_messages_inflated_total", "Compressed messages received.", counters.messagesInflated)
        text.counter("roost_log_reads_total", "Reads of the store for readers that were behind.", hub.logReads)
        text.counter("roost_log_batches_total", "Batches appended to the log, one commit each.", hub.batchesAppended)
        text.counter("roost_log_messages_total", "Messages of those batches.", hub.messagesAppended)
        if let isBusThere = hub.isBusThere {
            text.gauge("roost_bus_connected", "Whether the bus can be reached: 1 or 0.", isBusThere ? 1 : 0)
            text.gauge("roost_nodes", "Nodes of the cluster that live, as this one knows, itself included.", hub.nodes)
        }
        if let bus = await hub.busCounters() {
            text.counter("roost_bus_published_total", "Posts to other nodes that the bus has taken.", bus.published)
            text.counter(
                "roost_bus_dropped_total", "Posts that the bus did not take, or may not have: it was away or slow.",
                bus.dropped)
            text.counter("roost_bus_received_total", "Posts heard, this node's own among them.", bus.received)
            text.counter(
                "roost_bus_reconnects_total", "Connections to the bus made in place of lost ones.", bus.reconnects)
        }
        text.counter("roost_http_requests_total", "HTTP requests answered.", vitals.requests)
        text.counters(
            "roost_errors_total", "Frames refused, by error code.", label: "code",
            counters.errors.map { ($0.key.rawValue, $0.value) })
        text.counters(
            "roost_closes_total", "Connections closed by the server, by close code.", label: "code",
            counters.closes.map { (String($0.key.rawValue), $0.value) })
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: ResponseBody(byteBuffer: text.buffer))
    }
}

/// Prometheus' text format, https://prometheus.io/docs/instrumenting/exposition_formats/
struct MetricsText {
    private(set) var buffer = ByteBuffer()

    mutating func gauge(_ name: String, _ help: String, _ value: some BinaryInteger) {
        head(name, help, "gauge")
        buffer.writeString("\(name) \(value)\n")
    }

    mutating func counter(_ name: String, _ help: String, _ value: some BinaryInteger) {
        head(name, help, "counter")
        buffer.writeString("\(name) \(value)\n")
    }

    mutating func counters(_ name: String, _ help: String, label: String, _ values: [(String, UInt64)]) {
        head(name, help, "counter")
        for (key, value) in values.sorted(by: { $0.0 < $1.0 }) {
            buffer.writeString("\(name){\(label)=\"\(key)\"} \(value)\n")
        }
    }

    private mutating func head(_ name: String, _ help: String, _ type: String) {
        buffer.writeString("# HELP \(name) \(help)\n# TYPE \(name) \(type)\n")
    }
}
