import JWTKit

/// The key of one algorithm: what signs tokens and tells whether a signature is right.
///
/// The keys of jwt-kit are kept by an actor. The algorithm is taken out of it once, so that a token can be verified on
/// an event loop without waiting.
struct SigningKey: Sendable {
    private let algorithm: any JWTAlgorithm

    /// HS256 with the secret's UTF-8 bytes.
    init(secret: String) async throws { try await self.init(bytes: Array(secret.utf8)) }

    init(bytes: [UInt8]) async throws {
        var bytes = bytes
        // HMAC itself fills up a short key with zeros (RFC 2104), so the signatures stay the same; the library stops
        // the process over keys that are shorter than this.
        if bytes.count < 32 { bytes += [UInt8](repeating: 0, count: 32 - bytes.count) }
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: bytes), digestAlgorithm: .sha256)
        algorithm = try await keys.getKey()
    }

    /// The algorithm's name in a token's header.
    var name: String { algorithm.name }

    func sign(_ text: [UInt8]) throws -> [UInt8] { try algorithm.sign(text) }

    /// Takes the same time for every wrong signature.
    func isRight(_ signature: [UInt8], for text: [UInt8]) -> Bool {
        // It throws where the signature can't even be one.
        (try? algorithm.verify(signature, signs: text)) ?? false
    }
}
