import NIOCore
import RoostEngine

/// The WebSockets at `/echo/NAME` of one event loop: whatever one of them says, all of them hear, its author included.
///
/// It is a fan-out and nothing else, for benchmarks: frames go the way that a room's go, without sign-in, log, order
/// across loops, presence, limits of rates or feeding of slow readers, so what a room costs beyond it is what all of
/// that costs.
final class EchoCrowd {
    private var members: [EchoHandler] = []
    private let onEmpty: () -> Void

    init(onEmpty: @escaping () -> Void) { self.onEmpty = onEmpty }

    func join(_ member: EchoHandler) { members.append(member) }

    func leave(_ member: EchoHandler) {
        members.removeAll { $0 === member }
        if members.isEmpty { onEmpty() }
    }

    /// Sends whole frames to everybody, at once wherever nothing is queued.
    func send(_ frames: ByteBuffer) {
        for member in members { member.hear(frames) }
    }
}

/// The crowds of all loops, which share nothing; looked up when somebody comes.
final class EchoCrowds: Sendable {
    private struct Key: Hashable {
        var path: String
        var loop: ObjectIdentifier
    }

    private let crowds = Locked<[Key: NIOLoopBound<EchoCrowd>]>([:])

    /// The crowd at a path, a new one if nobody is there. Call it on the loop.
    func crowd(at path: String, on loop: any EventLoop) -> EchoCrowd {
        let key = Key(path: path, loop: ObjectIdentifier(loop))
        let crowd = crowds.withLock { crowds in
            if let crowd = crowds[key] { return crowd }
            let crowd = NIOLoopBound(EchoCrowd { [self] in remove(key) }, eventLoop: loop)
            crowds[key] = crowd
            return crowd
        }
        return crowd.value
    }

    private func remove(_ key: Key) { _ = crowds.withLock { $0.removeValue(forKey: key) } }
}
