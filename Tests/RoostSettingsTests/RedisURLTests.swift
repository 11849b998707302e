import Testing

@testable import RoostSettings

@Suite struct RedisURLTests {
    private static let one = [RedisURL.Host("h", 6379)]
    private static let two = [RedisURL.Host("h1", 1), RedisURL.Host("::1", 2)]

    @Test(
        arguments: [
            ("redis://h", RedisURL(.single, one)), ("REDIS://h:6379/0", RedisURL(.single, one)),
            ("redis://h:6379/", RedisURL(.single, one)),
            ("redis://127.0.0.1:1/15", RedisURL(.single, [.init("127.0.0.1", 1)], database: 15)),
            ("redis://[::1]", RedisURL(.single, [.init("::1", 6379)])),
            ("rediss://u:p@h", RedisURL(.single, one, user: "u", password: "p", isSecure: true)),
            ("redis://:p@h", RedisURL(.single, one, password: "p")),
            ("redis://u:a@b:c/d@h", RedisURL(.single, one, user: "u", password: "a@b:c/d")),
            ("redis://%C3%BC:%25%2F%3f@h", RedisURL(.single, one, user: "ü", password: "%/?")),
            ("redis+cluster://h1:1,[::1]:2", RedisURL(.cluster, two)),
            ("rediss+cluster://u:p@h", RedisURL(.cluster, one, user: "u", password: "p", isSecure: true)),
            ("redis+sentinel://h1:1,[::1]:2/main", RedisURL(.sentinel(master: "main"), two)),
            (
                "rediss+sentinel://:p@h/a%20b",
                RedisURL(.sentinel(master: "a b"), [.init("h", 26_379)], password: "p", isSecure: true)
            ),
            (
                "rediss://h/3?ca=/etc/my%20ca%3F/a.pem",
                RedisURL(.single, one, database: 3, isSecure: true, authorities: "/etc/my ca?/a.pem")
            ),
            (
                "rediss+cluster://u:a@h?ca=ca.pem",
                RedisURL(.cluster, one, user: "u", password: "a", isSecure: true, authorities: "ca.pem")
            ),
        ] as [(String, RedisURL)])
    func good(_ text: String, _ url: RedisURL) throws {
        #expect(try load(["--bus", text]).settings.bus == .redis(url))
        #expect(try load(["--bus", url.description]).settings.bus == .redis(url))
        #expect(try load(["--bus", text]).settings.bus.isShared)
    }

    private static let form = "redis://[USER:PASSWORD@]HOST:PORT[/DB]"

    @Test(arguments: [
        ("redis:h", "redis:h: must be \(form)"),
        ("redis://", "redis://: names no host: it must be \(form)"),
        ("redis://u:hunter2@", "redis://u:***@: names no host: it must be \(form)"),
        ("redis://h:0", "redis://h:0: has h:0 where HOST:PORT should be, a port being 1 to 65535"),
        ("redis://h:x", "redis://h:x: has h:x where HOST:PORT should be, a port being 1 to 65535"),
        ("redis://::1", "redis://::1: has ::1 where HOST:PORT should be, a port being 1 to 65535"),
        ("redis://h/x", "redis://h/x: has x where the number of a database should be, such as /0"),
        ("redis://h/-1", "redis://h/-1: has -1 where the number of a database should be, such as /0"),
        (
            "redis://hunter2@h",
            "redis://***@h: has a user and no password; write USER:PASSWORD@, or :PASSWORD@ where there are no users"
        ),
        ("redis://u:@h", "redis://u:***@h: has an empty password; leave out what stands before @ where there is none"),
        (
            "redis://u:hunter%2@h",
            "redis://u:***@h: has a % in its user or password that is no %XX of UTF-8; % itself is written %25"
        ),
        (
            "redis://u:%FF@h",
            "redis://u:***@h: has a % in its user or password that is no %XX of UTF-8; % itself is written %25"
        ),
        (
            "rediss://h?ca=",
            "rediss://h?ca=: has no path of a file behind ?ca=: it must be rediss\(form.dropFirst(5))[?ca=FILE]"
        ),
        (
            "rediss://h?db=1",
            "rediss://h?db=1: has no options behind ? or # but ?ca=FILE, which a password writes as %3F and %23: it must be rediss\(form.dropFirst(5))[?ca=FILE]"
        ),
        (
            "redis://h?ca=x",
            "redis://h?ca=x: has no options behind ? or #, which a password writes as %3F and %23: it must be \(form)"
        ),
        (
            "redis://h?db=1",
            "redis://h?db=1: has no options behind ? or #, which a password writes as %3F and %23: it must be \(form)"
        ),
        (
            "redis://h,i",
            "redis://h,i: names several hosts, which only redis+cluster:// and redis+sentinel:// do; it must be \(form)"
        ),
        ("redis+cluster://h/1", "redis+cluster://h/1: names a database; a cluster has number 0 only"),
        (
            "redis+cluster://h,,i",
            "redis+cluster://h,,i: names no host: it must be redis+cluster://[USER:PASSWORD@]HOST:PORT,HOST:PORT"
        ),
        (
            "redis+sentinel://h",
            "redis+sentinel://h: must name the master that the Sentinels look after: "
                + "redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/MASTER"
        ),
    ])
    func bad(_ text: String, _ message: String) { expectError(78, "--bus \(message)", ["--bus", text]) }

    @Test func passwordsAreNotShown() throws {
        let files = ["f": "redis://u:hunter2@h/3\n"]
        let loaded = try load([], ["ROOST_BUS_FILE": "f"], files: files)
        #expect(loaded.settings.bus == .redis(RedisURL(.single, Self.one, user: "u", password: "hunter2", database: 3)))
        #expect(loaded.printed().contains("\nbus: \"redis://u:***@h:6379/3\"  # ROOST_BUS_FILE\n"))
        let cluster = try load(["--bus", "redis+cluster://u:hunter%402@h1,h2"])
        #expect(cluster.printed().contains("bus: \"redis+cluster://u:***@h1:6379,h2:6379\""))
    }

    @Test func percentSigns() {
        let text = "aZ0-._~ /?#@:%ü\u{0}"
        #expect(percentEncoded(text) == "aZ0-._~%20%2F%3F%23%40%3A%25%C3%BC%00")
        #expect(percentDecoded(percentEncoded(text)[...]) == text)
        for bad in ["%", "%4", "%4g", "%+4", "%ff"] { #expect(percentDecoded(bad[...]) == nil, "\(bad)") }
    }
}
