/// Decides what is done about the files of the certificate each time they are looked at.
///
/// A good pair is taken at once. A bad one may be half written, or one of its files may still be the old one, so it is
/// refused only when it is found a second time just the same; and then once, until there is something else.
struct CertificateWatch {
    /// What was found: the texts, or why there are none.
    enum Look: Equatable {
        case found(CertificateTexts)
        case failed(CertificateError)
    }

    enum Verdict<Certificate> {
        /// As before, or perhaps not yet complete.
        case nothing
        case taken(Certificate)
        case refused(CertificateError)
    }

    /// What there is nothing more to be said about: it is in use, or it has been refused.
    private var settled: Look
    private var suspect: Look?

    /// - Parameter texts: what is in use.
    init(using texts: CertificateTexts) { settled = .found(texts) }

    /// - Parameters:
    ///   - isAsked: somebody waits for an answer, so a bad pair is refused the first time too.
    ///   - check: makes a certificate of texts that fit each other.
    mutating func judge<Certificate>(
        _ look: Look, isAsked: Bool, check: (CertificateTexts) throws(CertificateError) -> Certificate
    ) -> Verdict<Certificate> {
        guard look != settled else {
            suspect = nil
            return .nothing
        }
        do throws(CertificateError) {
            let certificate: Certificate
            switch look {
            case .found(let texts): certificate = try check(texts)
            case .failed(let error): throw error
            }
            (settled, suspect) = (look, nil)
            return .taken(certificate)
        } catch {
            guard isAsked || suspect == look else {
                suspect = look
                return .nothing
            }
            (settled, suspect) = (look, nil)
            return .refused(error)
        }
    }
}
