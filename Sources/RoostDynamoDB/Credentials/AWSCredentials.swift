package import RoostCore

/// Who asks AWS.
package struct AWSCredentials: Sendable, Equatable {
    package var accessKeyID: String
    package var secretAccessKey: String
    /// Sent along where the credentials are temporary.
    package var sessionToken: String?
    /// When they end; nil: they don't.
    package var expires: Timestamp?

    package init(
        accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expires: Timestamp? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expires = expires
    }
}

// The secret must not get into a log.
extension AWSCredentials: CustomStringConvertible, CustomReflectable {
    package var description: String { "AWS credentials \(accessKeyID)" }
    package var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID]) }
}

/// Where credentials are looked for.
package struct CredentialsPlaces: Sendable {
    package struct Answer: Sendable {
        package var status: Int
        package var body: [UInt8]

        package init(status: Int, body: [UInt8]) {
            self.status = status
            self.body = body
        }
    }

    package var environment: [String: String]
    /// The text of a file; throws if there is none.
    package var readFile: @Sendable (String) throws -> String
    /// Asks a metadata service, for a second or so; throws if it does not answer.
    package var fetch: @Sendable (_ method: String, _ url: String, _ headers: [(String, String)]) async throws -> Answer

    package init(
        environment: [String: String], readFile: @escaping @Sendable (String) throws -> String,
        fetch:
            @escaping @Sendable (_ method: String, _ url: String, _ headers: [(String, String)]) async throws ->
            Answer
    ) {
        self.environment = environment
        self.readFile = readFile
        self.fetch = fetch
    }
}
