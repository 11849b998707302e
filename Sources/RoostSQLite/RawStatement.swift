import GRDB
import GRDBSQLite

/// A prepared statement driven through SQLite's own interface, for the paths that run once per message: binding
/// through a list of boxed values costs more there than SQLite's work. Used on the connection that prepared it only.
struct RawStatement {
    // Keeps the statement alive.
    private let statement: Statement
    private let pointer: OpaquePointer

    init(_ db: Database, _ sql: String) throws {
        self.init(try db.makeStatement(sql: sql))
    }

    init(_ statement: Statement) {
        self.statement = statement
        pointer = statement.sqliteStatement
    }

    func bind(_ value: Int64, at index: Int32) { sqlite3_bind_int64(pointer, index, value) }

    /// The bytes are not copied: they must stay where they are until the statement is reset.
    func bind(text: UnsafeBufferPointer<UInt8>, at index: Int32) {
        text.withMemoryRebound(to: CChar.self) { text in
            _ = sqlite3_bind_text(pointer, index, text.baseAddress, Int32(text.count), nil)
        }
    }

    /// The bytes are not copied: they must stay where they are until the statement is reset.
    func bind(blob: UnsafeRawBufferPointer, at index: Int32) {
        // An empty blob may have no address, which would bind NULL.
        if blob.isEmpty {
            sqlite3_bind_zeroblob(pointer, index, 0)
        } else {
            sqlite3_bind_blob(pointer, index, blob.baseAddress, Int32(blob.count), nil)
        }
    }

    /// Goes to the next row; false if there is none. Reset it when done, or the connection keeps its snapshot.
    func step() throws -> Bool {
        switch sqlite3_step(pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let connection = sqlite3_db_handle(pointer)
            throw DatabaseError(
                resultCode: ResultCode(rawValue: sqlite3_extended_errcode(connection)),
                message: String(cString: sqlite3_errmsg(connection)))
        }
    }

    func reset() { sqlite3_reset(pointer) }

    /// Runs a statement that has no rows.
    func run() throws {
        defer { reset() }
        _ = try step()
    }

    func int(_ column: Int32) -> Int64 { sqlite3_column_int64(pointer, column) }

    func text(_ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(pointer, column) else { return "" }
        let count = Int(sqlite3_column_bytes(pointer, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func blob(_ column: Int32) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(pointer, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(pointer, column))))
    }
}

extension String {
    /// Lends the text's bytes; no copy for any string that is as long as it looks.
    func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R {
        var text = self
        return try text.withUTF8(body)
    }
}
