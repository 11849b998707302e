import NIOCore
import RoostWire
import Testing

/// RFC 7692 sections 5 and 7.1.
@Suite struct DeflateOfferTests {
    private func offers(_ fields: String...) throws -> [DeflateOffer] {
        let lines = fields.map { "Sec-WebSocket-Extensions: \($0)\r\n" }.joined()
        let parse = RequestHead.parse(ByteBuffer(string: "GET /ws HTTP/1.1\r\nHost: a\r\n\(lines)\r\n"))
        guard case .complete(let head, _) = parse else { throw Broken() }
        return DeflateOffer.all(in: head)
    }

    struct Broken: Error {}

    private func offer(_ change: (inout DeflateOffer) -> Void = { _ in }) -> DeflateOffer {
        var offer = DeflateOffer()
        change(&offer)
        return offer
    }

    @Test func whatCanBeOffered() throws {
        #expect(try offers() == [])
        #expect(try offers("permessage-deflate") == [offer()])
        #expect(
            try offers("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
                == [
                    offer {
                        $0.serverNoContextTakeover = true
                        $0.clientNoContextTakeover = true
                    }
                ])
        #expect(
            try offers("permessage-deflate;client_max_window_bits") == [offer { $0.takesClientMaxWindowBits = true }])
        for bits in 8...15 {
            for value in ["\(bits)", "\"\(bits)\""] {
                let expected = offer {
                    $0.serverMaxWindowBits = bits
                    $0.takesClientMaxWindowBits = true
                    $0.clientMaxWindowBits = bits
                }
                #expect(
                    try offers(
                        "permessage-deflate; server_max_window_bits=\(value) ;client_max_window_bits = \(value)")
                        == [expected])
            }
        }
    }

    @Test func severalOffersKeepTheirOrder() throws {
        let both = [offer { $0.serverMaxWindowBits = 10 }, offer()]
        #expect(try offers("permessage-deflate; server_max_window_bits=10, permessage-deflate") == both)
        #expect(try offers("permessage-deflate; server_max_window_bits=10", "x, permessage-deflate") == both)
    }

    @Test(arguments: [
        "permessage-deflate; unknown", "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=\"\"", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=08", "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=", "permessage-deflate; server_max_window_bits=ten",
        "permessage-deflate; server_max_window_bits=\"10", "permessage-deflate; server_max_window_bits=10=10",
        "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover", "permessage-deflate;",
        "permessage-deflate; ; server_no_context_takeover", "permessage-deflat", "x-webkit-deflate-frame",
        "Permessage-Deflate", "", ",", "; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=\"10, permessage-deflate\"",
    ])
    func whatCanNotBeOffered(_ field: String) throws {
        #expect(try offers(field) == [])
        // It does not spoil what can be.
        if !field.contains("\"10") { #expect(try offers("\(field), permessage-deflate") == [offer()]) }
        #expect(try offers("permessage-deflate", field) == [offer()])
    }

    @Test func withoutContextEveryClientIsAnsweredAlike() {
        let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        let asked = offer {
            $0.serverNoContextTakeover = true
            $0.takesClientMaxWindowBits = true
            $0.clientMaxWindowBits = 9
        }
        for offer in [offer(), asked] {
            let agreement = DeflateAgreement.withoutContext([offer])
            #expect(agreement?.answer == answer)
            #expect(agreement?.server == DeflateAgreement.Side(keepsContext: false, windowBits: 15))
            #expect(agreement?.client == DeflateAgreement.Side(keepsContext: false, windowBits: 15))
        }
        #expect(
            DeflateAgreement.withoutContext([offer { $0.serverMaxWindowBits = 15 }])?.answer
                == answer + "; server_max_window_bits=15")
    }

    @Test func aClientWithASmallWindowIsNotCompressedForUnlessItOffersSomethingElseToo() {
        let small = offer { $0.serverMaxWindowBits = 14 }
        #expect(DeflateAgreement.withoutContext([]) == nil)
        #expect(DeflateAgreement.withoutContext([small]) == nil)
        #expect(DeflateAgreement.withoutContext([small, offer()]) == DeflateAgreement.withoutContext([offer()]))
    }

    @Test func asAskedIsAsAsked() {
        #expect(DeflateAgreement.asAsked([]) == nil)
        #expect(DeflateAgreement.asAsked([offer { $0.serverMaxWindowBits = 8 }]) == nil)
        #expect(DeflateAgreement.asAsked([offer()])?.answer == "permessage-deflate")
        #expect(
            DeflateAgreement.asAsked([offer()])?.server == DeflateAgreement.Side(keepsContext: true, windowBits: 15))
        let agreement = DeflateAgreement.asAsked([
            offer {
                $0.serverNoContextTakeover = true
                $0.clientNoContextTakeover = true
                $0.serverMaxWindowBits = 9
                $0.takesClientMaxWindowBits = true
                $0.clientMaxWindowBits = 10
            }
        ])
        #expect(
            agreement?.answer
                == "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                + "server_max_window_bits=9; client_max_window_bits=10")
        #expect(agreement?.server == DeflateAgreement.Side(keepsContext: false, windowBits: 9))
        #expect(agreement?.client == DeflateAgreement.Side(keepsContext: false, windowBits: 10))
        // How large its window is to be, a client that says nothing of it must not be told (section 7.1.2.2).
        #expect(
            DeflateAgreement.asAsked([offer { $0.takesClientMaxWindowBits = true }])?.answer == "permessage-deflate")
    }
}
