import Testing

@testable import RoostSettings

@Suite struct FlagTests {
    @Test(arguments: [
        (["--max-mesage-bytes", "1"], "--max-mesage-bytes is no option; did you mean --max-message-bytes?"),
        (["--maxMessageBytes=1"], "--maxMessageBytes is no option; did you mean --max-message-bytes?"),
        (["--prot=1"], "--prot is no option; did you mean --port?"),
        (["-port", "1"], "-port is no option; did you mean --port?"),
        (["--no-creat-on-join"], "--no-creat-on-join is no option; did you mean --no-create-on-join?"),
        (["--dedupe"], "--dedupe is no option; did you mean --dedupe-window?"),
        (["--rate-limit", "5"], "--rate-limit is no option; roost serve --help lists them"),
        (["--no-port"], "--no-port is no option; did you mean --port?"),
        (["--gymnastics"], "--gymnastics is no option; roost serve --help lists them"),
        (["-p", "80"], "-p is no option; roost serve --help lists them"),
        (["--x\ny=1"], "--x\\ny is no option; roost serve --help lists them"),
        (["--port"], "--port has no value; it must be 0 (a free port) to 65535"),
        (["--port", "--host", "::1"], "--port has no value; it must be 0 (a free port) to 65535"),
        (["--port", "1", "--port=2"], "--port is given twice; it must be given once at most"),
        (
            ["--create-on-join", "--no-create-on-join"],
            "--create-on-join and --no-create-on-join are both given; it must be given once at most"
        ),
        (
            ["--no-create-on-join=true"],
            "--no-create-on-join takes no value; write --create-on-join=false or --no-create-on-join"
        ),
        (["--create-on-join", "false"], "unexpected argument false; write --create-on-join=false"),
        (["serve"], "unexpected argument serve; options look like --port 8080 or --port=8080"),
        (["--"], "unexpected argument --; options look like --port 8080 or --port=8080"),
        ([""], #"unexpected argument ""; options look like --port 8080 or --port=8080"#),
        (
            ["redis://u:hunter2@h"],
            "unexpected argument redis://u:***@h; options look like --port 8080 or --port=8080"
        ),
    ])
    func badFlagsExit64(_ arguments: [String], _ message: String) {
        expectError(64, message, arguments)
    }

    @Test func badFlagsComeFirst() {
        expectError(
            64, "--prot is no option; did you mean --port?", ["--port=x", "--prot"], ["ROOST_PORT": "y"], yaml: "z")
    }

    @Test func aValueMayLookLikeAFlag() {
        expectError(78, "--port -1: must be 0 (a free port) to 65535", ["--port", "-1"])
        expectError(
            78, "--log-format --x: must be text or json", ["--log-format=--x"])
    }

    @Test func equalsSignsInValues() throws {
        #expect(try load(["--store=sqlite:a=b.db"]).settings.store == .sqlite(path: "a=b.db"))
        #expect(try load(["--store", "sqlite:a=b.db"]).settings.store == .sqlite(path: "a=b.db"))
        #expect(try load(["--base-path="]).settings.basePath == "")
    }
}
