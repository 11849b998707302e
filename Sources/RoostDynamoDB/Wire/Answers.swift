extension DynamoTables {
    /// Throws what an answer says that is no success.
    /// - Parameter table: what the request was about.
    static func check(_ status: Int, _ answer: JSONAnswer, _ table: String) throws(TableError) {
        guard status != 200 else { return }
        let name = answer.errorName ?? "status \(status)"
        // Some messages go on for pages with what was signed.
        let message = answer.errorMessage?.split(whereSeparator: \.isNewline).first ?? "no message"
        let detail = "\(name): \(message)"
        if status >= 500 { throw TableError(.unsure, detail) }
        switch name {
        case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
            "LimitExceededException", "Throttling", "ReplicatedWriteConflictException":
            throw TableError(.throttled, detail)
        // Two transactions, or a table that is being made: both pass.
        case "TransactionConflictException", "TransactionInProgressException": throw TableError(.throttled, detail)
        case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "ExpiredToken",
            "AccessDeniedException", "AccessDenied", "MissingAuthenticationTokenException",
            "IncompleteSignatureException", "InvalidClientTokenId", "SignatureDoesNotMatch",
            "NotAuthorized", "OptInRequired":
            throw TableError(.denied, detail)
        case "ResourceNotFoundException": throw TableError(.missing, "\(detail) (\(table))")
        case "InternalServerError", "ServiceUnavailable": throw TableError(.unsure, detail)
        default: throw TableError(.unexpected, detail)
        }
    }
}
