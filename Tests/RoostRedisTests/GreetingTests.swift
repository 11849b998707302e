import RoostEngine
import Testing

@testable import RoostRedis

@Suite struct GreetingTests {
    private let peer = Peer(endpoint: RedisEndpoint("h", 1), user: nil, isFound: false, isSecure: false)
    private let secret = RedisCredentials(user: "u", password: "p")
    private let hello = RespValue.list([.text("server"), .bytes(Array("redis".utf8)), .text("role"), .text("master")])

    @Test func modern() {
        var plain = Greeting(peer, nil, database: 0)
        #expect(plain.opening == RespCommand(["HELLO", "3"]))
        #expect(plain.next(hello) == .done)
        var full = Greeting(peer, secret, database: 5)
        #expect(full.opening == RespCommand(["HELLO", "3", "AUTH", "u", "p"]))
        #expect(full.next(hello) == .say(RespCommand(["SELECT", "5"])))
        #expect(full.next(.text("OK")) == .done)
        #expect(
            Greeting(peer, RedisCredentials(password: "p"), database: 0).opening
                == RespCommand(["HELLO", "3", "AUTH", "default", "p"]))
    }

    @Test(arguments: ["ERR unknown command `HELLO`", "NOPROTO unsupported protocol version"])
    func old(_ error: String) {
        var greeting = Greeting(peer, secret, database: 5)
        #expect(greeting.next(.error(error)) == .say(RespCommand(["AUTH", "u", "p"])))
        #expect(greeting.next(.text("OK")) == .say(RespCommand(["SELECT", "5"])))
        #expect(greeting.next(.text("OK")) == .say(RespCommand(["ROLE"])))
        #expect(greeting.next(.list([.bytes(Array("master".utf8)), .integer(0)])) == .done)
        var plain = Greeting(peer, RedisCredentials(password: "p"), database: 0)
        #expect(plain.next(.error(error)) == .say(RespCommand(["AUTH", "p"])))
        #expect(plain.next(.text("OK")) == .say(RespCommand(["ROLE"])))
        #expect(plain.next(.error("NOPERM this user has no permissions to run the 'role' command")) == .done)
    }

    @Test func replicas() {
        var modern = Greeting(peer, nil, database: 0)
        #expect(modern.next(.list([.text("role"), .text("replica")])) == .refused(peer.readOnly))
        var old = Greeting(peer, nil, database: 0)
        _ = old.next(.error("ERR unknown command"))
        #expect(old.next(.list([.text("slave")])) == .refused(peer.readOnly))
        var lenient = Greeting(peer, nil, database: 0, takesReplicas: true)
        #expect(lenient.next(.list([.text("role"), .text("replica")])) == .done)
    }

    @Test func refusals() {
        for (text, part) in [
            ("WRONGPASS invalid username-password pair", "refuses the user or password of --bus"),
            ("NOAUTH HELLO must be called", "asks for a password"),
            ("ERR AUTH <password> called without any password configured", "has no password, and --bus gives one"),
            ("ERR max number of clients reached", "refuses what the bus needs: ERR max number of clients reached"),
        ] {
            var greeting = Greeting(peer, secret, database: 0)
            guard case .refused(.refused(let reason)) = greeting.next(.error(text)) else {
                #expect(text == "refused")
                continue
            }
            #expect(reason.hasPrefix("Redis at h:1 ") && reason.contains(part))
        }
        var loading = Greeting(peer, nil, database: 0)
        let step = loading.next(.error("LOADING Redis is loading the dataset in memory"))
        guard case .refused(.away) = step else { return #expect(step == .done) }
    }
}

@Suite struct SlotTests {
    /// `CLUSTER KEYSLOT` said so; the first is the standard's check value.
    @Test func slots() {
        #expect(Slot.crc16("123456789".utf8) == 0x31C3)
        for (key, slot) in [
            ("123456789", 12739), ("foo", 12182), ("{user1000}.following", 3443), ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015), ("foo{bar}{zap}", 5061), ("", 0),
        ] {
            #expect(Slot(of: key).number == slot, "\(key)")
        }
        #expect(Slot(of: Keys(database: 0).leases) == Slot(of: Keys(database: 0).cards))
        #expect(Slot(of: Keys(database: 0).check) == Slot(of: Keys(database: 0).checkChannel))
    }

    @Test func maps() throws {
        let asked = RedisEndpoint("asked", 1)
        func range(_ first: Int64, _ last: Int64, _ host: RespValue, _ port: Int64) -> RespValue {
            .list([.integer(first), .integer(last), .list([host, .integer(port), .bytes([])]), .list([])])
        }
        let map = try #require(
            SlotMap(.list([range(0, 9, .bytes(Array("a".utf8)), 7), range(10, 10, .null, 8)]), asked: asked))
        #expect(map[Slot(number: 9)] == RedisEndpoint("a", 7))
        #expect(map[Slot(number: 10)] == RedisEndpoint("asked", 8))
        #expect(map[Slot(number: 11)] == nil)
        #expect(map.endpoints.count == 2)
        for bad: RespValue in [
            .null, .list([]), .list([.integer(1)]), .list([range(5, 4, .null, 1)]), .list([range(0, 16_384, .null, 1)]),
            .list([range(-1, 1, .null, 1)]),
        ] {
            #expect(SlotMap(bad, asked: asked) == nil)
        }
    }

    @Test func redirects() {
        let asked = RedisEndpoint("asked", 1)
        let moved = Redirect("MOVED 3999 ::1:6381", asked: asked)
        #expect(moved?.kind == .moved && moved?.slot.number == 3999 && moved?.endpoint == RedisEndpoint("::1", 6381))
        #expect(Redirect("ASK 1 :7", asked: asked)?.endpoint == RedisEndpoint("asked", 7))
        for text in ["MOVED 3999", "MOVED x a:1", "MOVED 16384 a:1", "MOVED 1 a", "ERR 1 a:1"] {
            #expect(Redirect(text, asked: asked) == nil, "\(text)")
        }
    }
}
