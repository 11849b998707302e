package import RoostCore
internal import RoostEngine

/// The credentials of this process: found in the environment, the profile file, the container's or the instance's
/// metadata, in this order, and found anew before they end.
package final class CredentialsSource: Sendable {
    /// Temporary credentials are renewed so long before they end, in milliseconds.
    static let marginMs: Int64 = 300_000
    /// What a file said is read again after so long, since it may have been changed.
    static let fileMs: Int64 = 300_000
    /// After a renewal that failed, the next is tried so much later, as long as the present ones are good.
    static let retryMs: Int64 = 30_000

    private struct State {
        var present: AWSCredentials?
        /// When to look again.
        var until: Timestamp?
        /// Whether the instance's metadata has given some before: it is one, so silence passes.
        var isInstance = false
    }

    private let places: CredentialsPlaces
    private let state = Locked(State())
    private let turn = Turn()

    package init(_ places: CredentialsPlaces) { self.places = places }

    /// The credentials to use now. Throws `denied`, saying what to do, if there are none, and `unreachable` where who
    /// gives them does not answer.
    package func credentials(at now: Timestamp) async throws(TableError) -> AWSCredentials {
        if let present = fresh(at: now) { return present }
        await turn.take()
        defer { turn.pass() }
        // Whoever was first may have found them.
        if let present = fresh(at: now) { return present }
        do throws(TableError) {
            let isInstance = state.withLock { $0.isInstance }
            let found = try await places.find(at: now, isInstance: isInstance)
            state.withLock { state in
                state = State(
                    present: found.credentials, until: found.until, isInstance: isInstance || found.isInstance)
            }
            return found.credentials
        } catch {
            let present = state.withLock { state -> AWSCredentials? in
                guard let present = state.present, present.expires.map({ now < $0 }) ?? true else { return nil }
                state.until = Timestamp(milliseconds: now.milliseconds + CredentialsSource.retryMs)
                return present
            }
            guard let present else { throw error }
            return present
        }
    }

    /// AWS says that these have ended: the next call looks for others. False if others are in use already.
    package func reject(_ credentials: AWSCredentials) {
        state.withLock { state in
            if state.present == credentials { (state.present, state.until) = (nil, nil) }
        }
    }

    private func fresh(at now: Timestamp) -> AWSCredentials? {
        state.withLock { state in
            guard let present = state.present, state.until.map({ now < $0 }) ?? true,
                present.expires.map({ now < $0 }) ?? true
            else { return nil }
            return present
        }
    }
}

extension CredentialsPlaces {
    struct Found {
        var credentials: AWSCredentials
        /// When to look again; nil: never.
        var until: Timestamp?
        var isInstance = false
    }

    /// What is found first.
    /// - Parameter isInstance: whether this is known to be an instance whose metadata gives credentials.
    func find(at now: Timestamp, isInstance: Bool) async throws(TableError) -> Found {
        if let found = try fromEnvironment() { return Found(credentials: found) }
        if let found = try fromFile() {
            return Found(
                credentials: found, until: Timestamp(milliseconds: now.milliseconds + CredentialsSource.fileMs))
        }
        if let found = try await fromContainer() { return CredentialsPlaces.renewed(found, at: now) }
        if variable("AWS_WEB_IDENTITY_TOKEN_FILE") != nil {
            throw TableError(
                .denied,
                "AWS_WEB_IDENTITY_TOKEN_FILE is set, and roles by web identity are not supported; give the pod its role "
                    + "by EKS Pod Identity, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        }
        if let found = try await fromInstance(isInstance) {
            var found = CredentialsPlaces.renewed(found, at: now)
            found.isInstance = true
            return found
        }
        throw TableError(
            .denied,
            "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write them to "
                + "~/.aws/credentials, or give this container or instance a role")
    }

    private static func renewed(_ credentials: AWSCredentials, at now: Timestamp) -> Found {
        let until = credentials.expires.map {
            Timestamp(milliseconds: max($0.milliseconds - CredentialsSource.marginMs, now.milliseconds + 1000))
        }
        return Found(credentials: credentials, until: until)
    }

    private func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    private func fromEnvironment() throws(TableError) -> AWSCredentials? {
        guard let id = variable("AWS_ACCESS_KEY_ID") else { return nil }
        guard let secret = variable("AWS_SECRET_ACCESS_KEY") else {
            throw TableError(.denied, "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY; set both or neither")
        }
        return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: variable("AWS_SESSION_TOKEN"))
    }

    private func fromFile() throws(TableError) -> AWSCredentials? {
        let isAsked = variable("AWS_PROFILE") != nil || variable("AWS_SHARED_CREDENTIALS_FILE") != nil
        let profile = variable("AWS_PROFILE") ?? "default"
        guard let path = variable("AWS_SHARED_CREDENTIALS_FILE") ?? variable("HOME").map({ $0 + "/.aws/credentials" })
        else { return nil }
        let text: String
        do {
            text = try readFile(path)
        } catch {
            guard isAsked else { return nil }
            throw TableError(
                .denied,
                "the credentials file \(path) can't be read (\(error)); correct AWS_SHARED_CREDENTIALS_FILE or unset AWS_PROFILE"
            )
        }
        let section = CredentialsPlaces.section(profile, of: text)
        if let id = section["aws_access_key_id"], let secret = section["aws_secret_access_key"] {
            return AWSCredentials(
                accessKeyID: id, secretAccessKey: secret, sessionToken: section["aws_session_token"])
        }
        guard isAsked else { return nil }
        throw TableError(
            .denied,
            "the profile \(profile) in \(path) has no aws_access_key_id and aws_secret_access_key; add them or choose another AWS_PROFILE"
        )
    }

    /// The settings below `[name]`.
    static func section(_ name: String, of text: String) -> [String: String] {
        var settings: [String: String] = [:]
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = trimmed(line)
            if line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                isInside = trimmed(line.dropFirst().dropLast()) == name
            } else if isInside, let equals = line.firstIndex(of: "=") {
                settings[trimmed(line[..<equals]).lowercased()] = trimmed(line[line.index(after: equals)...])
            }
        }
        return settings
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let head = text.drop(while: \.isWhitespace)
        guard let end = head.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(head[...end])
    }
}

extension CredentialsPlaces {
    private func fromContainer() async throws(TableError) -> AWSCredentials? {
        let url: String
        if let path = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            url = "http://169.254.170.2" + path
        } else if let full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            url = full
        } else {
            return nil
        }
        var headers: [(String, String)] = []
        if let path = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            do {
                headers.append(("authorization", CredentialsPlaces.trimmed(try readFile(path))))
            } catch {
                throw TableError(.denied, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE \(path) can't be read: \(error)")
            }
        } else if let token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            headers.append(("authorization", token))
        }
        return try credentials(in: try await ask("GET", url, headers), from: url)
    }

    /// By version 2 of the instance's metadata service, which asks for a token first.
    private func fromInstance(_ isKnown: Bool) async throws(TableError) -> AWSCredentials? {
        if variable("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true" { return nil }
        let base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254"
        let lifetime = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")]
        let given: [UInt8]
        do throws(TableError) {
            given = try await ask("PUT", base + "/latest/api/token", lifetime)
        } catch {
            // Elsewhere than on an instance nobody answers, which is no failure.
            if isKnown || error.kind == .throttled { throw error }
            return nil
        }
        let token = [("x-aws-ec2-metadata-token", String(decoding: given, as: UTF8.self))]
        let path = base + "/latest/meta-data/iam/security-credentials/"
        let roles = String(decoding: try await ask("GET", path, token), as: UTF8.self)
        guard let role = roles.split(whereSeparator: \.isNewline).first else {
            throw TableError(.denied, "this instance has no role; give it one that may use the tables")
        }
        return try credentials(in: try await ask("GET", path + role, token), from: path + role)
    }

    private func ask(_ method: String, _ url: String, _ headers: [(String, String)]) async throws(TableError) -> [UInt8]
    {
        let answer: Answer
        do {
            answer = try await fetch(method, url, headers)
        } catch {
            throw TableError(.unreachable, "no credentials from \(url): \(error)")
        }
        if answer.status >= 500 || answer.status == 429 {
            throw TableError(.throttled, "no credentials from \(url): it answers \(answer.status) at the moment")
        }
        guard answer.status == 200 else {
            throw TableError(
                .denied,
                "no credentials from \(url): it answers \(answer.status); check the role of this container or instance")
        }
        return answer.body
    }

    private func credentials(in body: [UInt8], from url: String) throws(TableError) -> AWSCredentials {
        let answer = JSONAnswer(body)
        guard let id = answer?.text("AccessKeyId"), let secret = answer?.text("SecretAccessKey") else {
            throw TableError(.denied, "what \(url) answers has no AccessKeyId and SecretAccessKey in it")
        }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: answer?.text("Token"),
            expires: answer?.text("Expiration").flatMap { AWSDate.parse($0) })
    }
}
