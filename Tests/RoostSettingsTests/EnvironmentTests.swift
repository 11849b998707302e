import Testing

@testable import RoostSettings

@Suite struct EnvironmentTests {
    @Test(arguments: [
        ("ROOST_PROT", "ROOST_PROT is no variable that roost knows; did you mean ROOST_PORT?"),
        (
            "ROOST_MAX_MESAGE_BYTES",
            "ROOST_MAX_MESAGE_BYTES is no variable that roost knows; did you mean ROOST_MAX_MESSAGE_BYTES?"
        ),
        ("ROOST_STOER_FILE", "ROOST_STOER_FILE is no variable that roost knows; did you mean ROOST_STORE_FILE?"),
        (
            "ROOST_PORT_FILE",
            "ROOST_PORT_FILE is no variable that roost knows: only secrets and URLs are read from files; see ROOST_PORT"
        ),
        ("ROOST_PURPLE", "ROOST_PURPLE is no variable that roost knows; it is ignored"),
        ("ROOST_", "ROOST_ is no variable that roost knows; it is ignored"),
        ("ROOST_A\nB", "ROOST_A\\nB is no variable that roost knows; it is ignored"),
    ])
    func unknownVariablesAreWarnings(_ name: String, _ message: String) throws {
        let loaded = try load([], [name: "secret-value"])
        #expect(loaded.warnings.map(\.message) == [message])
        #expect(loaded.settings == Settings())
    }

    @Test func warningsAreInOrder() throws {
        let warnings = try load([], ["ROOST_ZZ": "", "ROOST_AA": "", "OTHER": "", "roost_port": "x"]).warnings
        #expect(warnings.map { $0.message.prefix(8) } == ["ROOST_AA", "ROOST_ZZ"])
    }

    @Test func kubernetesIsIgnored() throws {
        let injected = [
            "ROOST_SERVICE_HOST": "10.0.0.1", "ROOST_SERVICE_PORT": "8080", "ROOST_SERVICE_PORT_HTTP": "8080",
            "ROOST_PORT": "tcp://10.0.0.1:8080", "ROOST_PORT_8080_TCP": "tcp://10.0.0.1:8080",
            "ROOST_PORT_8080_TCP_PROTO": "tcp", "ROOST_PORT_8080_TCP_PORT": "8080",
            "ROOST_PORT_8080_TCP_ADDR": "10.0.0.1", "ROOST_PORT_53_UDP": "udp://10.0.0.1:53",
            "ROOST_REDIS_SERVICE_HOST": "10.0.0.2", "ROOST_REDIS_SERVICE_PORT": "6379",
            "ROOST_REDIS_PORT": "tcp://10.0.0.2:6379", "ROOST_REDIS_PORT_6379_TCP_ADDR": "10.0.0.2",
        ]
        let loaded = try load([], injected)
        #expect(loaded.settings == Settings())
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.origins["port"] == .default)
        #expect(try load([], ["ROOST_PORT": "9000"]).settings.port == 9000)
        #expect(try load(["--port=1"], injected).settings.port == 1)
        expectError(
            78, "ROOST_PORT=http://h: must be 0 (a free port) to 65535", [], ["ROOST_PORT": "http://h"])
        #expect(try load([], ["ROOST_PORTS": "tcp://h"]).warnings.count == 1)
    }

    @Test func valuesInFiles() throws {
        let loaded = try load([], ["ROOST_STORE_FILE": "/run/store"], files: ["/run/store": "\r\n sqlite:x.db\t\n"])
        #expect(loaded.settings.store == .sqlite(path: "x.db"))
        #expect(loaded.origins["store"] == .environment("ROOST_STORE_FILE"))
        expectError(
            78, "ROOST_STORE and ROOST_STORE_FILE are both set; only one of them may be", [],
            ["ROOST_STORE": "memory:", "ROOST_STORE_FILE": "f"])
        expectError(
            78, "ROOST_BUS_FILE /run/none: the file can't be read: no such\\nfile", [],
            ["ROOST_BUS_FILE": "/run/none"])
        expectError(
            78, "ROOST_QUEUE_FILE=f, which holds amqp://u:***@h: amqp:// is not in this version yet; it has none:", [],
            ["ROOST_QUEUE_FILE": "f"], files: ["f": "amqp://u:hunter2@h\n"])
    }

    @Test func anEmptyVariableIsAValue() throws {
        expectError(78, #"ROOST_PORT="": must be 0 (a free port) to 65535"#, [], ["ROOST_PORT": ""])
        #expect(try load([], ["ROOST_BASE_PATH": ""], yaml: "basePath: /x").settings.basePath == "")
    }
}
