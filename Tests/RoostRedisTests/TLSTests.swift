import NIOSSL
import RoostCore
import RoostEngine
import RoostRedis
import Testing

@Suite(.serialized) struct TLSTests {
    @Test func tls() async throws {
        let certificates = try Certificates()
        defer { certificates.remove() }
        var trusting = TLSConfiguration.makeClientConfiguration()
        trusting.trustRoots = .file(certificates.file("ca.pem"))
        try await RedisServer.with(certificates.serverFlags, cli: certificates.cliFlags) { server in
            for host in ["127.0.0.1", "localhost"] {
                let address = RedisAddress([RedisEndpoint(host, server.port)], isSecure: true)
                try await BusProbe.with(address, tls: trusting) { probe in
                    try await probe.bus.check()
                    try await probe.listen()
                    try await probe.goesRound("hello")
                    // More than a record, and more than the socket takes at once.
                    let large = String(repeating: "x", count: 3_000_000)
                    try await probe.goesRound(large)
                    #expect(try await probe.bus.visit("s" + host, begins: true, idleMs: 60_000)?.visits == 1)
                }
            }
            // An authority that nobody has heard of.
            let address = RedisAddress([server.endpoint], isSecure: true)
            try await BusProbe.with(address) { probe in
                try await eventually("the loss is told") { !probe.losses.isEmpty }
                #expect(probe.losses[0].contains("TLS failed") && probe.losses[0].contains("CERTIFICATE_VERIFY_FAILED"))
            }
            // No TLS where it is spoken.
            let plain = try BusProbe(RedisAddress([server.endpoint]))
            #expect(await failure(of: plain.bus.check) != nil)
        }
    }

    /// TLS where none is spoken.
    @Test func noTLS() async throws {
        try await RedisServer.with { server in
            let probe = try BusProbe(RedisAddress([server.endpoint], isSecure: true))
            let error = await failure(of: probe.bus.check)
            #expect(error?.description.contains("or it speaks no TLS on this port, which redis:// is for") == true)
        }
    }
}

extension BusError {
    var description: String {
        switch self {
        case .away(let reason), .refused(let reason): reason
        case .stopped: "stopped"
        }
    }
}
