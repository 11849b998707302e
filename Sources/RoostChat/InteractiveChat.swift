import RoostClient

/// The chat in a terminal.
actor InteractiveChat {
    private let roost: Roost
    private let plan: ChatPlan
    private let room: Room
    private let terminal: Terminal
    private var screen: ChatScreen
    private var isTyping = false

    init(roost: Roost, plan: ChatPlan) {
        self.roost = roost
        self.plan = plan
        room = roost.join(plan.room, history: plan.history, presence: true)
        terminal = Terminal()
        screen = ChatScreen(room: plan.room, isColoured: plan.isColoured)
    }

    func run() async -> Bool {
        Terminal.write(screen.resize(columns: terminal.columns))
        let verdict = await withTaskGroup(of: String??.self) { group in
            group.addTask { await self.hear() }
            group.addTask { await self.watch() }
            group.addTask { await self.type() }
            group.addTask { await self.fit() }
            group.addTask { await Signals.stop.next().map { _ in nil } }
            var verdict: String?
            for await end in group {
                guard let end else { continue }
                verdict = end
                break
            }
            group.cancelAll()
            self.leave(verdict)
            // The task that reads the keyboard can't be called back; it ends with the process.
            return verdict
        }
        return verdict == nil
    }

    private func leave(_ verdict: String?) {
        Terminal.write(screen.clear())
        terminal.restore()
        if let verdict { Terminal.write("roost: \(verdict)\n", to: 2) }
    }

    // What the tasks do: each ends with nil if that is not the end of the chat, else with why it is over, if it is a fault.

    private func hear() async -> String?? {
        for await event in room.events { Terminal.write(screen.heard(event)) }
        return nil
    }

    private func watch() async -> String?? {
        for await state in roost.states {
            Terminal.write(screen.connection(state))
            if case .disconnected(_, let reason) = state { return .some("not connected: \(reason)") }
        }
        return nil
    }

    private func fit() async -> String?? {
        let signals = Signals.resize
        while await signals.next() != nil { Terminal.write(screen.resize(columns: terminal.columns)) }
        return nil
    }

    private func type() async -> String?? {
        let input = StandardInput()
        while let bytes = await input.next(), !Task.isCancelled {
            let (text, outcomes) = screen.pressed(bytes)
            Terminal.write(text)
            for outcome in outcomes {
                switch outcome {
                case .nothing: break
                case .typing(let isActive): room.typing(isActive)
                case .say(let text): say(text)
                case .members: showMembers()
                case .quit: return .some(nil)
                }
            }
        }
        return .some(nil)
    }

    private func say(_ text: String) {
        // What becomes of it is seen among the room's events. In the order of the keys: the call reaches the client's
        // loop before this returns.
        room.post(RoostContent(text: text))
    }

    private func showMembers() {
        Task {
            do {
                Terminal.write(screen.members(try await room.members()))
            } catch {
                Terminal.write(screen.note(["· who is here could not be asked: \(error)"]))
            }
        }
    }
}
