import RoostClient

/// The chat in a pipe: each line that comes in is a message, each message that is heard is a line.
struct PipedChat {
    let roost: Roost
    let plan: ChatPlan

    /// `--once` gives up after so long without a connection.
    private static let patience = Duration.seconds(30)

    func run() async -> Bool {
        await withTaskGroup(of: Bool?.self) { group in
            group.addTask { await complain() }
            if plan.isOnce {
                group.addTask { await send(to: roost.room(plan.room)) }
                group.addTask { await giveUp() }
            } else {
                let room = roost.join(plan.room, history: plan.history)
                group.addTask { await print(room) }
                group.addTask {
                    // The end of the input is not the end of the chat.
                    await send(to: room) ? nil : false
                }
                group.addTask { await Signals.stop.next().map { _ in true } }
            }
            var isFine = true
            for await end in group {
                guard let end else { continue }
                isFine = end
                break
            }
            group.cancelAll()
            return isFine
        }
    }

    /// Sends line by line; each is with the server before the next is sent.
    /// - Returns: whether all were taken.
    private func send(to room: Room) async -> Bool {
        let input = StandardInput()
        var lines = LineSplitter()
        var isFine = true
        func send(_ line: String) async {
            guard !line.isEmpty, !Task.isCancelled else { return }
            do {
                try await room.send(RoostContent(text: line.hasSuffix("\r") ? String(line.dropLast()) : line))
            } catch let error as RoostError {
                isFine = false
                complain("not sent: \(error.reason)")
            } catch {
                isFine = false
            }
        }
        while let bytes = await input.next() { for line in lines.take(bytes) { await send(line) } }
        if let line = lines.finish() { await send(line) }
        return isFine
    }

    private func print(_ room: Room) async -> Bool? {
        var transcript = Transcript(style: Style(isColoured: plan.isColoured))
        for await event in room.events {
            for line in transcript.lines(for: event) { Terminal.write(line + "\n") }
            if case .refused = event { return false }
        }
        return nil
    }

    /// Says why there is no connection. Ends when there will be none.
    private func complain() async -> Bool? {
        for await state in roost.states {
            switch state {
            case .connected, .connecting(nil): break
            case .connecting(let loss?):
                complain("not connected: \(loss.reason) Trying again in \((loss.retryInMs + 999) / 1000) s.")
            case .disconnected(_, let reason):
                complain("not connected: \(reason)")
                return false
            }
        }
        return nil
    }

    private func giveUp() async -> Bool? {
        guard (try? await Task.sleep(for: PipedChat.patience)) != nil else { return nil }
        if case .connected = await roost.state { return nil }
        complain("there was no connection within \(PipedChat.patience.components.seconds) s; not everything was sent.")
        return false
    }

    private func complain(_ text: String) { Terminal.write("roost: \(text)\n", to: 2) }
}
