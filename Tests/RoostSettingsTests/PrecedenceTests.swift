import Testing

@testable import RoostSettings

@Suite struct PrecedenceTests {
    @Test func everyOptionIsCovered() {
        let names = Set(OptionTable.standard.options.map(\.name))
        #expect(names == Set(samples.keys).union(unsampled))
        #expect(names.count == OptionTable.standard.options.count)
    }

    @Test(arguments: samples.keys.sorted())
    func flagBeatsEnvironmentBeatsFileBeatsDefault(_ name: String) throws {
        let option = try #require(OptionTable.standard.options.first { $0.name == name })
        let key = try #require(option.fileKey)
        let values = try #require(samples[name])
        let yaml = "# first line\n\(key): \"\(values[0])\"\n"
        let fallback = option.value(in: Settings())

        func expect(_ loaded: Loaded, _ value: String, _ origin: SettingOrigin) {
            let found = option.value(in: loaded.settings)
            #expect(found == value || found == "[\(value)]" || found == "\"\(value)\"" || found == "[\"\(value)\"]")
            #expect(loaded.origins[key] == origin)
            #expect(loaded.warnings.isEmpty)
            // Nothing else has moved.
            for other in OptionTable.standard.options where other.name != name && other.name != "config" {
                #expect(other.value(in: loaded.settings) == other.value(in: Settings()))
                #expect(loaded.origins[other.key] == .default)
            }
        }
        let file = SettingOrigin.file(path: "roost.yaml", line: 2)
        let variable = SettingOrigin.environment(option.variable)
        let flag = SettingOrigin.flag(option.flag)
        #expect(!values.contains(fallback))
        #expect(try load().origins[key] == .default)
        expect(try load(yaml: yaml), values[0], file)
        expect(try load([], [option.variable: values[1]]), values[1], variable)
        expect(try load([], [option.variable: values[1]], yaml: yaml), values[1], variable)
        expect(try load([option.flag, values[2]]), values[2], flag)
        expect(try load(["\(option.flag)=\(values[2])"], yaml: yaml), values[2], flag)
        expect(try load([option.flag, values[2]], [option.variable: values[1]], yaml: yaml), values[2], flag)
        if let held = option.fileVariable {
            expect(
                try load([], [held: "f"], yaml: yaml, files: ["f": " \(values[1])\n"]), values[1], .environment(held))
            expect(try load([option.flag, values[2]], [held: "f"], files: ["f": values[1]]), values[2], flag)
        }
    }

    @Test(arguments: [("create-on-join", "createOnJoin"), ("allow-anonymous", "allowAnonymous")])
    func booleans(_ name: String, _ key: String) throws {
        let option = try #require(OptionTable.standard.options.first { $0.name == name })
        func value(_ loaded: Loaded) -> Bool { option.value(in: loaded.settings) == "true" }
        for truth in [true, false] {
            let (yes, no) = (truth ? "--\(name)" : "--no-\(name)", "\(!truth)")
            #expect(value(try load(yaml: "\(key): \(truth)")) == truth)
            #expect(value(try load([], [option.variable: "\(truth)"], yaml: "\(key): \(no)")) == truth)
            #expect(value(try load([yes], [option.variable: no], yaml: "\(key): \(no)")) == truth)
            #expect(value(try load(["--\(name)=\(truth)"], [option.variable: no])) == truth)
            #expect(try load([yes]).origins[key] == .flag(yes))
        }
    }

    @Test func theRest() throws {
        #expect(try load(["--bus", "local:", "--queue=none:"]).settings == Settings())
        #expect(try load(["--log-format", "json"], ["ROOST_LOG_FORMAT": "text"]).settings.logFormat == .json)
        #expect(try load([], ["ROOST_LOG_FORMAT": "json"], yaml: "logFormat: text").settings.logFormat == .json)
        #expect(try load(yaml: "logFormat: json").settings.logFormat == .json)
    }

    @Test func configurationFile() throws {
        let files = ["a": "port: 1", "b": "port: 2"]
        let byFlag = try load(["--config", "a"], ["ROOST_CONFIG": "missing"], files: files)
        #expect(byFlag.settings.port == 1)
        #expect(byFlag.settings.config == "a")
        #expect(byFlag.origins["config"] == .flag("--config"))
        #expect(byFlag.origins["port"] == .file(path: "a", line: 1))
        #expect(try load([], ["ROOST_CONFIG": "b"], files: files).settings.port == 2)
        #expect(try load([], [:], files: files).settings.config == nil)
    }

    @Test func defaultsAreThoseOfTheContract() throws {
        let settings = try load().settings
        #expect(settings == Settings())
        #expect(settings.host == "127.0.0.1")
        #expect(settings.port == 8080)
        #expect(settings.store == .sqlite(path: "data/roost.db"))
        #expect(settings.maxMessageBytes == 65536)
        #expect(settings.rateLimitMessages == 200)
        #expect(settings.rateLimitBurst == 1000)
        #expect(settings.rateLimitConnects == 100)
        #expect(settings.rateLimitConnectsBurst == 1000)
        #expect(settings.maxRoomsPerConnection == 128)
        #expect(settings.maxUnsentBytes == 1_048_576)
        #expect(settings.heartbeat == .seconds(25))
        #expect(settings.heartbeatTimeout == .seconds(10))
        #expect(settings.maxHistory == 1000)
        #expect(settings.maxConnections == 0)
        #expect(settings.maxHeadBytes == 16384)
        #expect(settings.maxBodyBytes == 1_048_576)
        #expect(settings.dedupeWindow == .seconds(600))
        #expect(settings.recentBytes == 67_108_864)
        #expect(settings.auth == .anonymous)
        #expect(settings.jwtSecret == nil)
        #expect(settings.authTimeout == .seconds(10))
        #expect(settings.drainDelay == .zero)
        #expect(settings.drainWindow == .seconds(20))
        #expect(settings.sessionLife == .seconds(3600))
        #expect(settings.planes == [.http, .websocket])
        #expect(settings.kinds.isEmpty)
        #expect(settings.createOnJoin)
        #expect(!settings.allowAnonymous)
        #expect(settings.allowedOrigins.isEmpty)
        #expect(settings.logLevel == .info)
    }
}
