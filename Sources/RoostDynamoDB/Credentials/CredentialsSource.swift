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
    }

    private let places: CredentialsPlaces
    private let state = Locked(State())
    private let turn = Turn()

    package init(_ places: CredentialsPlaces) { self.places = places }

    /// The credentials to use now. Throws `denied`, saying what to do, if there are none.
    package func credentials(at now: Timestamp) async throws(TableError) -> AWSCredentials {
        if let present = fresh(at: now) { return present }
        await turn.take()
        defer { turn.pass() }
        // Whoever was first may have found them.
        if let present = fresh(at: now) { return present }
        do throws(TableError) {
            let (found, until) = try await places.find(at: now)
            state.withLock { $0 = State(present: found, until: until) }
            return found
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
            if state.present == credentials { state = State() }
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
    /// What is found first, and when to look again; nil: never.
    func find(at now: Timestamp) async throws(TableError) -> (AWSCredentials, Timestamp?) {
        if let found = try fromEnvironment() { return (found, nil) }
        if let found = try fromFile() {
            return (found, Timestamp(milliseconds: now.milliseconds + CredentialsSource.fileMs))
        }
        let found: AWSCredentials?
        if let container = try await fromContainer() { found = container } else { found = try await fromInstance() }
        guard let found else {
            throw TableError(
                .denied,
                "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write them to "
                    + "~/.aws/credentials, or give this container or instance a role")
        }
        let renewal = found.expires.map {
            Timestamp(milliseconds: max($0.milliseconds - CredentialsSource.marginMs, now.milliseconds + 1000))
        }
        return (found, renewal)
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
    private func fromInstance() async throws(TableError) -> AWSCredentials? {
        if variable("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true" { return nil }
        let base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254"
        let lifetime = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")]
        // Elsewhere than on an instance nobody answers, which is no failure.
        guard let answer = try? await fetch("PUT", base + "/latest/api/token", lifetime), answer.status == 200 else {
            return nil
        }
        let token = [("x-aws-ec2-metadata-token", String(decoding: answer.body, as: UTF8.self))]
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
            throw TableError(
                .denied, "no credentials from \(url): \(error); check the role of this container or instance")
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
