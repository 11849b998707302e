#if canImport(Darwin)
import Darwin
#else
import CPolling
import Glibc
#endif

/// What has happened to a socket.
struct Readiness {
    var descriptor: Int32
    var canRead: Bool
    var canWrite: Bool
    /// The other side sends no more, so that the end is there to be read behind what it sent; false where that is not
    /// known and is told again.
    var hasEnded = false
}

/// Tells which of many sockets can be read or written.
///
/// It may tell only once: what can be read must be read until nothing is left, and what could not be written is told
/// after `watch` has asked for it.
protocol Poller: AnyObject {
    /// Watches a socket, or changes what it is watched for.
    func watch(_ descriptor: Int32, forWriting: Bool)
    func forget(_ descriptor: Int32)
    /// Waits so many milliseconds at most (0: not at all) and gives what is ready to `body`.
    func wait(milliseconds: Int32, _ body: (Readiness) -> Void)
}

#if os(Linux)
/// epoll(7), edge-triggered: the kernel need not look again at each socket that was read until nothing was left.
final class EPoller: Poller {
    private let epoll: Int32
    private var events = [epoll_event](repeating: epoll_event(), count: 1024)
    private var watched: Set<Int32> = []

    init() { epoll = epoll_create1(0) }
    deinit { close(epoll) }

    func watch(_ descriptor: Int32, forWriting: Bool) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue | (forWriting ? EPOLLOUT.rawValue : 0)
        event.data.fd = descriptor
        let isNew = watched.insert(descriptor).inserted
        _ = epoll_ctl(epoll, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event)
    }

    func forget(_ descriptor: Int32) {
        guard watched.remove(descriptor) != nil else { return }
        var event = epoll_event()
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
    }

    func wait(milliseconds: Int32, _ body: (Readiness) -> Void) {
        let count = epoll_wait(epoll, &events, Int32(events.count), milliseconds)
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let event = events[index]
            let isOver = event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
            body(
                Readiness(
                    descriptor: event.data.fd, canRead: isOver || event.events & EPOLLIN.rawValue != 0,
                    canWrite: isOver || event.events & EPOLLOUT.rawValue != 0,
                    hasEnded: isOver || event.events & EPOLLRDHUP.rawValue != 0))
        }
    }
}
#endif

/// poll(2), where there is nothing better.
final class PlainPoller: Poller {
    private var sockets: [pollfd] = []
    private var places: [Int32: Int] = [:]

    func watch(_ descriptor: Int32, forWriting: Bool) {
        let events = Int16(POLLIN) | (forWriting ? Int16(POLLOUT) : 0)
        if let place = places[descriptor] {
            sockets[place].events = events
        } else {
            places[descriptor] = sockets.count
            sockets.append(pollfd(fd: descriptor, events: events, revents: 0))
        }
    }

    func forget(_ descriptor: Int32) {
        guard let place = places.removeValue(forKey: descriptor) else { return }
        let last = sockets.removeLast()
        guard place < sockets.count else { return }
        sockets[place] = last
        places[last.fd] = place
    }

    func wait(milliseconds: Int32, _ body: (Readiness) -> Void) {
        guard poll(&sockets, nfds_t(sockets.count), milliseconds) > 0 else { return }
        for socket in sockets where socket.revents != 0 {
            let isOver = socket.revents & Int16(POLLERR | POLLHUP) != 0
            body(
                Readiness(
                    descriptor: socket.fd, canRead: isOver || socket.revents & Int16(POLLIN) != 0,
                    canWrite: isOver || socket.revents & Int16(POLLOUT) != 0))
        }
    }
}
