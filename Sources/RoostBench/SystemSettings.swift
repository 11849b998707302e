#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What of the machine's settings bounds a server of connections (Linux; elsewhere little is known).
struct SystemSettings {
    private let pid: Int32?

    init(pid: Int32?) { self.pid = pid }

    func report(into report: inout Report) {
        report.add("processors", Double(sysconf(Int32(_SC_NPROCESSORS_ONLN))), "")
        if let pid {
            report.add("server's event loops", eventLoops(of: pid), "")
            report.add("server's open files, at most (ulimit -n)", openFiles(of: pid), "")
        }
        for name in ["net/core/somaxconn", "net/ipv4/tcp_max_syn_backlog", "fs/nr_open", "fs/file-max"] {
            report.add(name.split(separator: "/").joined(separator: "."), numbers("/proc/sys/\(name)").last, "")
        }
        let ports = numbers("/proc/sys/net/ipv4/ip_local_port_range")
        if ports.count == 2 { report.add("ports for connections from one address", ports[1] - ports[0] + 1, "") }
    }

    private func numbers(_ path: String) -> [Double] {
        (readFile(path) ?? "").split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    }

    private func openFiles(of pid: Int32) -> Double? {
        let lines = (readFile("/proc/\(pid)/limits") ?? "").split(separator: "\n")
        return lines.first { $0.hasPrefix("Max open files") }?.split(separator: " ").dropFirst(3).first
            .flatMap { Double($0) }
    }

    /// Threads that are named as event loops are.
    private func eventLoops(of pid: Int32) -> Double? {
        guard let folder = opendir("/proc/\(pid)/task") else { return nil }
        defer { closedir(folder) }
        var count = 0.0
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if readFile("/proc/\(pid)/task/\(name)/comm")?.hasPrefix("NIO-ELT") == true { count += 1 }
        }
        return count
    }
}

/// The first 4 KiB of a file.
func readFile(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = fread(&bytes, 1, bytes.count, file)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
}
