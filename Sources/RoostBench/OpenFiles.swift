#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// How many files, sockets included, this process may have open.
enum OpenFiles {
    /// Makes room for so many connections, as far as the system allows without being asked by its administrator.
    static func provide(for connections: Int) throws {
        var limit = rlimit()
        #if canImport(Darwin)
        let which = RLIMIT_NOFILE
        #else
        let which = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #endif
        guard getrlimit(which, &limit) == 0 else { return }
        let wanted = rlim_t(connections + 64)
        if limit.rlim_cur < wanted {
            limit.rlim_cur = min(wanted, limit.rlim_max)
            _ = setrlimit(which, &limit)
        }
        guard limit.rlim_cur >= wanted else {
            throw BenchError(
                "\(connections) connections need \(wanted) open files; this process may have \(limit.rlim_max) (ulimit -Hn)"
            )
        }
    }
}
