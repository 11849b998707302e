#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What the kernel says of a process (Linux, `/proc`); nil where it says nothing.
struct ProcessProbe {
    let pid: Int32

    static let own = ProcessProbe(pid: getpid())

    /// CPU seconds since its start, in steps of 10 ms.
    struct CPU {
        var user: Double
        var system: Double
        var total: Double { user + system }
    }

    var cpu: CPU? {
        guard let stat = readFile("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        return CPU(user: user / ticks, system: system / ticks)
    }

    /// Resident bytes.
    var residentBytes: Int? {
        guard let statm = readFile("/proc/\(pid)/statm") else { return nil }
        let fields = statm.split(separator: " ")
        return fields.count > 1 ? Int(fields[1]).map { $0 * Int(getpagesize()) } : nil
    }

    /// The most resident bytes since its start.
    var peakBytes: Int? {
        guard let status = readFile("/proc/\(pid)/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return nil }
        return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
}
