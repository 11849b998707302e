/// Why a store could not be opened: one plain sentence that says what happened, why, and what to do.
public struct DynamoDBOpeningError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// No credentials, wrong ones, or such that don't allow it.
        case denied
        /// Tables are missing and were not to be created.
        case noTables
        /// Nobody answers, or not now: it may pass by itself.
        case unreachable
        /// The tables hold something else.
        case notAStore
        /// Anything else, in DynamoDB's words.
        case failed
    }

    public let kind: Kind
    public let reason: String

    public var description: String { reason }

    init(_ kind: Kind, _ place: DynamoDBPlace, _ detail: String) {
        self.kind = kind
        let says =
            switch kind {
            case .denied: "it is not allowed (\(detail)); check the AWS credentials and what their policy allows."
            case .noTables:
                "\(detail); run `roost store create` with the same --store, or have them created with ?create=true."
            case .unreachable: "\(detail); check the endpoint and the network."
            case .notAStore: "\(detail); choose another prefix."
            case .failed: "\(detail); check the table and the account."
            }
        reason = "Can't open the store dynamodb://\(place.region) (\(place.url), tables \(place.prefix)…): \(says)"
    }

    init(_ error: TableError, _ place: DynamoDBPlace) {
        switch error.kind {
        // Without credentials the error says what to do in more detail than the frame around it.
        case .denied: self.init(.denied, place, error.detail)
        case .missing: self.init(.noTables, place, error.detail)
        case .throttled, .unreachable, .unsure: self.init(.unreachable, place, error.detail)
        case .corrupt: self.init(.notAStore, place, error.detail)
        case .unexpected: self.init(.failed, place, error.detail)
        }
    }
}
