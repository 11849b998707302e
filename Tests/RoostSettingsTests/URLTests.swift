import Testing

@testable import RoostSettings

@Suite struct URLTests {
    @Test(
        arguments: [
            ("sqlite:data/roost.db", .sqlite(path: "data/roost.db")), ("sqlite:/abs/x.db", .sqlite(path: "/abs/x.db")),
            ("sqlite:///abs/x.db", .sqlite(path: "/abs/x.db")), ("SQLITE:X", .sqlite(path: "X")),
            ("sqlite:a@b:c.db", .sqlite(path: "a@b:c.db")), ("memory:", .memory),
            ("dynamodb://eu-west-1", .dynamoDB(DynamoDBURL(region: "eu-west-1"))),
            (
                "dynamodb://x?endpoint=http://127.0.0.1:8000/&prefix=a_&create=false",
                .dynamoDB(dynamoDB("x", "http://127.0.0.1:8000", "a_", false))
            ), ("dynamodb://x?create=true", .dynamoDB(dynamoDB("x", nil, "roost_", true))),
        ] as [(String, StoreURL)])
    func stores(_ text: String, _ store: StoreURL) throws {
        #expect(try load(["--store", text]).settings.store == store)
        #expect(try load(["--store", store.description]).settings.store == store)
    }

    private static let bus =
        "local:, redis://[USER:PASSWORD@]HOST:PORT[/DB], redis+sentinel://HOST:PORT,…/MASTER or "
        + "redis+cluster://HOST:PORT,…, with rediss for TLS and ?ca=FILE for its authority"

    private static func dynamoDB(_ region: String, _ endpoint: String?, _ prefix: String, _ create: Bool) -> DynamoDBURL
    {
        var url = DynamoDBURL(region: region)
        (url.endpoint, url.prefix, url.create) = (endpoint, prefix, create)
        return url
    }

    private static let example = "such as sqlite:data/roost.db or sqlite:/var/lib/roost/roost.db"

    @Test(arguments: [
        ("--store", "sqlite:", "sqlite:: has no path: it must be sqlite:PATH, \(example)"),
        ("--store", "sqlite://data/x.db", "sqlite://data/x.db: must be sqlite:PATH without //, \(example)"),
        ("--store", "sqlite:////x", "sqlite:////x: must be sqlite:PATH without //, \(example)"),
        (
            "--store", "sqlite::memory:",
            "sqlite::memory:: must name a plain file, \(example); a store in memory is memory:"
        ),
        ("--store", "memory", "memory: must be sqlite:PATH, memory: or dynamodb://REGION; did you mean memory:?"),
        ("--store", "memory:x", "memory:x: must be sqlite:PATH, memory: or dynamodb://REGION"),
        ("--store", "sqllite:x", "sqllite:x: must be sqlite:PATH, memory: or dynamodb://REGION; did you mean sqlite:?"),
        ("--store", "data.db", "data.db: must be sqlite:PATH, memory: or dynamodb://REGION"),
        ("--store", "", "\"\": must be sqlite:PATH, memory: or dynamodb://REGION"),
        (
            "--store", "dynamodb:",
            "dynamodb:: has no region: it must be dynamodb://REGION, such as dynamodb://eu-central-1"
        ),
        (
            "--store", "dynamodb://eu_west",
            "dynamodb://eu_west: must name a region of AWS behind dynamodb://, such as dynamodb://eu-central-1"
        ),
        (
            "--store", "dynamodb://eu-west-1?endpoint=http://u:hunter2@h",
            "dynamodb://eu-west-1?endpoint=http:***@h: its endpoint must be http://HOST:PORT or https://HOST, without a user, a path or a query"
        ),
        (
            "--store", "dynamodb://x?table=y",
            "dynamodb://x?table=y: knows endpoint, prefix and create behind its ?, not table"
        ),
        ("--store", "dynamodb://x?create=1", "dynamodb://x?create=1: its create must be true or false"),
        ("--store", "dynamodb://x?prefix=a&prefix=b", "dynamodb://x?prefix=a&prefix=b: has prefix twice"),
        (
            "--store", "dynamodb://x?prefix=a/b",
            "dynamodb://x?prefix=a/b: its prefix must be up to 200 letters, digits, _ . and -, as in roost_"
        ),
        ("--bus", "nats://h", "nats://h: must be \(bus)"),
        ("--bus", "locl:", "locl:: must be \(bus); did you mean local:?"),
        ("--bus", "redi://u:hunter2@h", "redi://u:***@h: must be \(bus); did you mean redis:?"),
        ("--bus", "local:x", "local:x: must be \(bus)"),
        ("--queue", "amqp://u:hunter2@h/v", "amqp://u:***@h/v: amqp:// is not in this version yet; it has none:"),
        ("--queue", "amqps://u:hun@ter2@h/v", "amqps://u:***@h/v: amqps:// is not in this version yet; it has none:"),
        ("--queue", "none", "none: must be none:; did you mean none:?"),
        ("--queue", "ampq:u:hunter2@h", "ampq:***@h: must be none:"),
        ("--queue", "hunter2@h", "***@h: must be none:"),
    ])
    func badURLs(_ flag: String, _ text: String, _ message: String) {
        expectError(78, "\(flag) \(message)", [flag, text])
    }

    @Test func aStoreInMemoryIsForOneProcess() {
        #expect(memoryStoreConflict(.memory, busIsShared: false, hasQueue: false) == nil)
        #expect(memoryStoreConflict(.memory, busIsShared: true, hasQueue: false) == "bus")
        #expect(memoryStoreConflict(.memory, busIsShared: false, hasQueue: true) == "queue")
        #expect(memoryStoreConflict(.sqlite(path: "x"), busIsShared: true, hasQueue: true) == nil)
    }
}

/// A table like a later one: with a secret, a URL that has a password and a list of mappings.
@Suite struct SecretTests {
    static let table = OptionTable(groups: [
        OptionTable.Group(
            title: "Test",
            options: [
                Option("jwt-secret", \.basePath, .basePath, "a secret", .secret),
                Option("bus-url", \.store, .anyText, "a URL", .url),
                Option("kinds", \.allowedOrigins, .kinds, "a list of mappings"),
                Option("config", \.config, .path, "the file", .notInFile),
            ])
    ])

    @Test func listsOfMappings() throws {
        let kinds: [AllowedOrigin] = [.host(scheme: nil, host: "a", port: 1), .any]
        let loaded = try load(yaml: "kinds: [{match: 'a:1', log: stored}, {match: '*'}]", table: Self.table)
        #expect(loaded.settings.allowedOrigins == kinds)
        #expect(try load(yaml: Self.table.printed(loaded), table: Self.table).settings == loaded.settings)
        expectError(
            78, "kinds (roost.yaml line 1): must be a list of kinds, not a mapping", yaml: "kinds: {match: a}",
            table: Self.table)
    }

    @Test func secretsAreNotEchoed() {
        let rule = "must be empty or a path like /realtime, from / and without / at its end"
        expectError(78, "--jwt-secret: \(rule)", ["--jwt-secret", "hunter2"], table: Self.table)
        expectError(78, "ROOST_JWT_SECRET: \(rule)", [], ["ROOST_JWT_SECRET": "hunter2"], table: Self.table)
        expectError(
            78, "ROOST_JWT_SECRET_FILE=/run/s: \(rule)", [], ["ROOST_JWT_SECRET_FILE": "/run/s"],
            files: ["/run/s": "hunter2"], table: Self.table)
        expectError(78, "jwtSecret (roost.yaml line 1): \(rule)", yaml: "jwtSecret: hunter2", table: Self.table)
        expectError(
            64, "unexpected argument after --jwt-secret; options look like --port 8080 or --port=8080",
            ["--jwt-secret", "correct", "horse"], table: Self.table)
    }

    @Test func printingMasksThem() throws {
        let loaded = try load(["--jwt-secret", "/hunter2", "--bus-url", "redis://u:hunter2@h"], table: Self.table)
        let printed = Self.table.printed(loaded)
        #expect(printed.contains("jwtSecret: \"***\"  # --jwt-secret\n"))
        #expect(printed.contains("busUrl: \"redis://u:***@h\"  # --bus-url\n"))
        expectError(
            78, "jwtSecret (roost.yaml line 4): is masked; put in again what *** stands for", yaml: printed,
            table: Self.table)
    }
}

extension ValueForm<[AllowedOrigin]> {
    fileprivate static var kinds: Self {
        ValueForm(
            placeholder: "LIST", allowed: "a list of kinds",
            read: { written throws(Refusal) in
                guard case .list(let items) = written else { throw Refusal() }
                return try items.map { item throws(Refusal) in
                    guard case .map(let entries) = item, let match = entries.first(where: { $0.key == "match" }),
                        let origin = AllowedOrigin(try match.value.single())
                    else { throw Refusal() }
                    return origin
                }
            },
            write: { .list($0.map { .map([.init(key: "match", value: .text($0.description))]) }) })
    }
}

extension ValueForm<StoreURL> {
    /// Takes any text, to have a URL with a password that is valid.
    fileprivate static var anyText: Self {
        ValueForm(
            placeholder: "TEXT", allowed: "a text",
            read: { written throws(Refusal) in .sqlite(path: try written.single()) },
            write: { .text(String($0.description.dropFirst("sqlite:".count))) })
    }
}
