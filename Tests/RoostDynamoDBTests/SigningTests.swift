import RoostCore
import RoostDynamoDB
import Testing

/// AWS's published vectors: the signing test suite of version 4 and the example of the IAM user guide.
@Suite struct SigningTests {
    private let credentials = AWSCredentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    private let date = "20150830T123600Z"

    private func signature(_ request: SigningRequest, service: String = "service") -> String? {
        let signer = Signer(region: "us-east-1", service: service)
        return signer.authorization(request, credentials, date: date).split(separator: "=").last.map(String.init)
    }

    private let usual = [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")]

    @Test func getVanilla() {
        let request = SigningRequest(method: "GET", headers: usual, body: [])
        #expect(signature(request) == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
        let signer = Signer(region: "us-east-1", service: "service")
        #expect(
            signer.authorization(request, credentials, date: date)
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=host;x-amz-date, "
                + "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
    }

    @Test func postVanilla() {
        let request = SigningRequest(headers: usual, body: [])
        #expect(signature(request) == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")
    }

    @Test func getVanillaQueryOrderKeyCase() {
        let query = [("Param2", "value2"), ("Param1", "value1")]
        let request = SigningRequest(method: "GET", query: query, headers: usual, body: [])
        #expect(signature(request) == "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")
    }

    @Test func getHeaderKeyDuplicate() {
        let headers =
            usual + [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")]
        let request = SigningRequest(method: "GET", headers: headers, body: [])
        #expect(signature(request) == "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea")
    }

    @Test func getHeaderValueTrim() {
        let headers = usual + [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")]
        let request = SigningRequest(method: "GET", headers: headers, body: [])
        #expect(signature(request) == "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736")
    }

    @Test func postFormURLEncoded() {
        let headers = usual + [("Content-Type", "application/x-www-form-urlencoded")]
        let request = SigningRequest(headers: headers, body: Array("Param1=value1".utf8))
        #expect(signature(request) == "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a")
    }

    @Test func listUsers() {
        let request = SigningRequest(
            method: "GET", query: [("Action", "ListUsers"), ("Version", "2010-05-08")],
            headers: [
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("host", "iam.amazonaws.com"),
                ("x-amz-date", date),
            ], body: [])
        let signer = Signer(region: "us-east-1", service: "iam")
        #expect(
            signer.stringToSign(request, date: date)
                == "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n"
                + "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59")
        #expect(
            signature(request, service: "iam") == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
    }

    @Test func secretsAreNotPrinted() {
        var shown = "\(credentials) \(String(reflecting: credentials))"
        dump(credentials, to: &shown)
        #expect(!shown.contains("wJalr"))
    }
}
