package import RoostEngine

/// Why a call to the tables failed.
package struct TableError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// More was asked of the tables than they may give; nothing was done.
        case throttled
        /// The request never left; nothing was done.
        case unreachable
        /// No answer, or one that doesn't say: it may have been done.
        case unsure
        /// The credentials are missing, wrong, expired or don't allow it; nothing was done.
        case denied
        /// A table is missing; nothing was done.
        case missing
        /// DynamoDB finds the request wrong, or its answer makes no sense.
        case unexpected
        /// What is stored is not what this program stores.
        case corrupt
    }

    package var kind: Kind
    /// What happened, in the words of whoever said so.
    package var detail: String

    package init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    package var description: String { detail }

    /// Whether it may pass by itself.
    package var isPassing: Bool { kind == .throttled || kind == .unreachable || kind == .unsure }

    /// What callers of the store are told; `busy` says that nothing was kept.
    package var storeError: StoreError {
        switch kind {
        case .throttled, .unreachable: .busy
        case .unsure, .denied, .missing, .unexpected, .corrupt: .failed(detail)
        }
    }
}
