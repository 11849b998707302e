import GRDB

/// Why a store could not be opened: one plain sentence that says what happened, why, and what to do.
public struct SQLiteOpeningError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// There is a folder where the file should be.
        case isFolder
        /// The file's folder is missing and can't be made.
        case noFolder
        /// The rights of this user don't suffice.
        case denied
        /// The file is something else, or another program's database.
        case notAStore
        /// A newer Roost made it.
        case newer
        /// Another program keeps it locked.
        case busy
        /// No space left.
        case full
        /// Anything else, in SQLite's words.
        case failed
    }

    public let kind: Kind
    public let reason: String

    public var description: String { reason }

    init(_ kind: Kind, _ path: String, _ detail: String = "") {
        self.kind = kind
        let says =
            switch kind {
            case .isFolder: "it is a folder; name a file in it, such as \(path)/roost.db."
            case .noFolder: "its folder can't be created (\(detail)); create it or choose another path."
            case .denied: "this user may not read and write \(detail); change its owner or choose another path."
            case .notAStore: "the file is no Roost store; choose another path or move the file away."
            case .newer: "it was made by a newer Roost; run that version or a newer one."
            case .busy: "another program keeps it locked; stop that program and try again."
            case .full: "there is no space left on its disk; make room and try again."
            case .failed: "\(detail); check the disk or restore a backup."
            }
        reason = "Can't open the store \(path): \(says)"
    }

    init(_ error: any Error, _ path: String) {
        if let error = error as? SQLiteOpeningError {
            self = error
            return
        }
        let code = (error as? DatabaseError)?.resultCode
        switch code {
        case .SQLITE_NOTADB: self.init(.notAStore, path)
        case .SQLITE_BUSY, .SQLITE_LOCKED: self.init(.busy, path)
        case .SQLITE_FULL: self.init(.full, path)
        case .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_AUTH: self.init(.denied, path, path)
        default: self.init(.failed, path, (error as? DatabaseError)?.message ?? "\(error)")
        }
    }
}
