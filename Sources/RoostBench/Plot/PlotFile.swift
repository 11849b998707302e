#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The file that a picture goes to, which is there in full or as it was before.
public struct PlotFile {
    private let path: String
    private var draft: String { "\(path).\(getpid()).new" }

    /// Makes sure that the file can be written, before a benchmark takes its time.
    /// - Throws: `BenchError` if it can't be.
    public init(path: String) throws {
        self.path = path
        var facts = stat()
        if stat(path, &facts) == 0, facts.st_mode & S_IFMT != S_IFREG {
            throw BenchError("the plot can't be written to \(path): it is no plain file; name another with --plot")
        }
        close(try create())
        unlink(draft)
    }

    /// Draws the report's curves into the file.
    /// - Throws: `BenchError` if it can't be written or the report has none.
    public func write(_ report: Report, _ header: Plot.Header) throws {
        guard let curves = report.curves else { throw BenchError("this benchmark has nothing that could be drawn") }
        let descriptor = try create()
        var isDone = false
        defer { if !isDone { unlink(draft) } }
        do {
            defer { close(descriptor) }
            try fill(descriptor, Array(Plot.svg(curves, header).utf8))
        }
        guard rename(draft, path) == 0 else { throw failure() }
        isDone = true
    }

    private func create() throws -> Int32 {
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure() }
        return descriptor
    }

    private func fill(_ descriptor: Int32, _ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { systemWrite(descriptor, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw failure() }
    }

    /// Of the call that has just failed.
    private func failure() -> BenchError {
        BenchError("the plot can't be written to \(path): \(errorText(errno)); name another file with --plot")
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
