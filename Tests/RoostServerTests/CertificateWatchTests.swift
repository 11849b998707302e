import Testing

@testable import RoostServer

@Suite("The files of the certificate, looked at again and again")
struct CertificateWatchTests {
    private let first = texts("first", "first")
    private let second = texts("second", "second")
    private let missing = CertificateError.unreadable(option: "--tls-key", path: "k.pem", cause: "gone")

    private static func texts(_ certificates: String, _ key: String) -> CertificateTexts {
        CertificateTexts(certificates: certificates, key: key)
    }

    /// What is done about a look: nothing, the name of the certificate that is taken, or the error.
    private enum Done: Equatable {
        case nothing
        case taken(String)
        case refused(CertificateError)
    }

    /// Texts fit each other where they are the same.
    private func look(
        _ watch: inout CertificateWatch, _ look: CertificateWatch.Look, isAsked: Bool = false
    ) -> Done {
        let verdict = watch.judge(look, isAsked: isAsked) { texts throws(CertificateError) in
            guard texts.certificates == texts.key else {
                throw .mismatch(certificatePath: "c.pem", keyPath: texts.certificates + texts.key)
            }
            return texts.key
        }
        return switch verdict {
        case .nothing: .nothing
        case .taken(let name): .taken(name)
        case .refused(let error): .refused(error)
        }
    }

    private func mismatch(_ certificates: String, _ key: String) -> Done {
        .refused(.mismatch(certificatePath: "c.pem", keyPath: certificates + key))
    }

    @Test("what is as before needs nothing, what is new and good is taken at once and once")
    func good() {
        var watch = CertificateWatch(using: first)
        #expect(look(&watch, .found(first)) == .nothing)
        #expect(look(&watch, .found(second)) == .taken("second"))
        #expect(look(&watch, .found(second)) == .nothing)
        #expect(look(&watch, .found(first)) == .taken("first"))
    }

    @Test("a pair that becomes whole between two looks is nobody's trouble")
    func halfWritten() {
        var watch = CertificateWatch(using: first)
        #expect(look(&watch, .found(Self.texts("second", "first"))) == .nothing)
        #expect(look(&watch, .found(second)) == .taken("second"))
        #expect(look(&watch, .failed(missing)) == .nothing)
        #expect(look(&watch, .found(Self.texts("first", "second"))) == .nothing)
        #expect(look(&watch, .found(first)) == .taken("first"))
    }

    @Test("what stays bad is refused once, and each other badness again")
    func bad() {
        var watch = CertificateWatch(using: first)
        let mixed = CertificateWatch.Look.found(Self.texts("second", "first"))
        #expect(look(&watch, mixed) == .nothing)
        #expect(look(&watch, mixed) == mismatch("second", "first"))
        #expect(look(&watch, mixed) == .nothing)
        #expect(look(&watch, .failed(missing)) == .nothing)
        #expect(look(&watch, .failed(missing)) == .refused(missing))
        #expect(look(&watch, .failed(missing)) == .nothing)
        #expect(look(&watch, mixed) == .nothing)
        #expect(look(&watch, mixed) == mismatch("second", "first"))
        #expect(look(&watch, .found(second)) == .taken("second"))
    }

    @Test("what is bad only now and then is not what was bad before")
    func comingAndGoing() {
        var watch = CertificateWatch(using: first)
        for _ in 0..<3 {
            #expect(look(&watch, .failed(missing)) == .nothing)
            #expect(look(&watch, .found(first)) == .nothing)
        }
    }

    @Test("who asks is told the first time")
    func asked() {
        var watch = CertificateWatch(using: first)
        #expect(look(&watch, .failed(missing), isAsked: true) == .refused(missing))
        #expect(look(&watch, .failed(missing), isAsked: true) == .nothing)
        #expect(look(&watch, .failed(missing)) == .nothing)
        #expect(look(&watch, .found(first), isAsked: true) == .taken("first"))
    }
}
