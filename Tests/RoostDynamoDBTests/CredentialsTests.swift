import RoostCore
import RoostDynamoDB
import RoostEngine
import Testing

/// Where credentials come from, in which order, and when they are found anew.
@Suite struct CredentialsTests {
    private struct Gone: Error {}

    /// What files and metadata services say, by path and by `METHOD URL`; counts the questions.
    private final class Places: Sendable {
        let files: [String: String]
        let answers = Locked<[String: String]>([:])
        let asked = Locked<[String]>([])
        let status = Locked(200)

        init(files: [String: String] = [:], answers: [String: String] = [:]) {
            self.files = files
            self.answers.withLock { $0 = answers }
        }

        func source(_ environment: [String: String]) -> CredentialsSource {
            CredentialsSource(
                CredentialsPlaces(environment: environment) { path in
                    guard let text = self.files[path] else { throw Gone() }
                    return text
                } fetch: { method, url, headers in
                    let question = "\(method) \(url)"
                    self.asked.withLock { $0.append(question + headers.map { " \($0.0): \($0.1)" }.joined()) }
                    guard let text = self.answers.withLock({ $0[question] }) else { throw Gone() }
                    return CredentialsPlaces.Answer(status: self.status.withLock { $0 }, body: Array(text.utf8))
                })
        }
    }

    private func temporary(_ id: String, until: String) -> String {
        #"{"AccessKeyId":"\#(id)","SecretAccessKey":"s","Token":"t","Expiration":"\#(until)"}"#
    }

    private let noInstance = ["AWS_EC2_METADATA_DISABLED": "true"]

    @Test func theEnvironmentComesFirst() async throws {
        let places = Places(files: ["/h/.aws/credentials": "[default]\naws_access_key_id=F\naws_secret_access_key=f"])
        let source = places.source([
            "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_SESSION_TOKEN": "t", "HOME": "/h",
        ])
        let found = try await source.credentials(at: time(0))
        #expect(found == AWSCredentials(accessKeyID: "E", secretAccessKey: "e", sessionToken: "t"))
    }

    @Test func aProfileOfTheFile() async throws {
        let text = """
            # not this: aws_access_key_id = X
            [default]
            aws_access_key_id = D
            aws_secret_access_key = d

            [work]
            aws_access_key_id=W
              aws_secret_access_key =  w=w
            """
        let places = Places(files: ["/h/.aws/credentials": text, "/other": text])
        #expect(try await places.source(["HOME": "/h"]).credentials(at: time(0)).accessKeyID == "D")
        let work = places.source(["AWS_PROFILE": "work", "AWS_SHARED_CREDENTIALS_FILE": "/other"])
        #expect(try await work.credentials(at: time(0)) == AWSCredentials(accessKeyID: "W", secretAccessKey: "w=w"))
    }

    @Test func theContainersAndTheInstancesRoles() async throws {
        let container = "http://169.254.170.2/v2/x"
        let places = Places(
            files: ["/token": "secret\n"],
            answers: [
                "GET \(container)": temporary("C", until: "1970-01-01T01:00:00Z"),
                "PUT http://169.254.169.254/latest/api/token": "TOKEN",
                "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/": "role",
                "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role":
                    temporary("I", until: "1970-01-01T01:00:00Z"),
            ])
        let contained = places.source([
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token",
        ])
        #expect(try await contained.credentials(at: time(0)).accessKeyID == "C")
        #expect(places.asked.withLock { $0 } == ["GET \(container) authorization: secret"])
        let instance = try await places.source([:]).credentials(at: time(0))
        #expect(instance.accessKeyID == "I" && instance.sessionToken == "t" && instance.expires == time(3_600_000))
        #expect(places.asked.withLock { $0.last?.hasSuffix("x-aws-ec2-metadata-token: TOKEN") } == true)
    }

    /// Temporary ones are renewed five minutes before their end; while that fails, the old ones are used to the end.
    @Test func theyAreRenewed() async throws {
        let url = "http://169.254.170.2/x"
        let places = Places(answers: ["GET \(url)": temporary("1", until: "1970-01-01T01:00:00Z")])
        let source = places.source(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"])
        func id(_ minutes: Double) async throws -> String {
            try await source.credentials(at: time(Int64(minutes * 60_000))).accessKeyID
        }
        #expect(try await id(0) == "1")
        #expect(try await id(54.9) == "1")
        #expect(places.asked.withLock { $0.count } == 1)
        places.answers.withLock { $0 = [:] }
        #expect(try await id(55) == "1")
        #expect(try await id(55.4) == "1")
        #expect(places.asked.withLock { $0.count } == 2)
        #expect(try await id(59.9) == "1")
        await #expect(throws: TableError.self) { try await id(60) }
        places.answers.withLock { $0 = ["GET \(url)": temporary("2", until: "1970-01-01T02:00:00Z")] }
        #expect(try await id(60) == "2")
        source.reject(try await source.credentials(at: time(3_600_000)))
        places.answers.withLock { $0 = ["GET \(url)": temporary("3", until: "1970-01-01T02:00:00Z")] }
        #expect(try await id(61) == "3")
    }

    /// Who gives credentials is away, or has too much to do: that passes, and says nothing of the credentials.
    @Test func whoIsAwayForAMomentDeniesNothing() async throws {
        func kind(_ source: CredentialsSource, at now: Int64 = 0) async -> TableError.Kind? {
            do throws(TableError) {
                _ = try await source.credentials(at: time(now))
                return nil
            } catch {
                return error.kind
            }
        }
        let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"]
        #expect(await kind(Places().source(container)) == .unreachable)
        for (status, expected) in [(503, .throttled), (429, .throttled), (403, .denied)] as [(Int, TableError.Kind)] {
            let places = Places(answers: ["GET http://169.254.170.2/x": "{}"])
            places.status.withLock { $0 = status }
            #expect(await kind(places.source(container)) == expected)
        }
        // An instance that has given some before is still one.
        let base = "http://169.254.169.254/latest/"
        let instance = Places(answers: [
            "PUT \(base)api/token": "TOKEN", "GET \(base)meta-data/iam/security-credentials/": "role",
            "GET \(base)meta-data/iam/security-credentials/role": temporary("I", until: "1970-01-01T01:00:00Z"),
        ])
        let source = instance.source([:])
        #expect(await kind(source) == nil)
        instance.answers.withLock { $0 = [:] }
        #expect(await kind(source, at: 3_600_000) == .unreachable)
    }

    @Test(arguments: [
        ([:], "no AWS credentials were found; set AWS_ACCESS_KEY_ID"),
        (["AWS_ACCESS_KEY_ID": "x"], "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY; set both"),
        (["AWS_PROFILE": "nobody", "HOME": "/h"], "the profile nobody in /h/.aws/credentials has no"),
        (["AWS_SHARED_CREDENTIALS_FILE": "/none"], "the credentials file /none can't be read"),
        (["AWS_WEB_IDENTITY_TOKEN_FILE": "/t"], "AWS_WEB_IDENTITY_TOKEN_FILE is set, and roles by web identity"),
    ])
    func whatIsMissingIsSaid(_ environment: [String: String], _ says: String) async throws {
        let places = Places(files: ["/h/.aws/credentials": "[default]\nregion = x"])
        let source = places.source(environment.merging(noInstance) { one, _ in one })
        do throws(TableError) {
            _ = try await source.credentials(at: time(0))
            Issue.record("there are no credentials")
        } catch {
            #expect(error.kind == .denied)
            #expect(error.detail.hasPrefix(says), "\(error.detail)")
        }
    }
}
