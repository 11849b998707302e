package import RoostCore
package import RoostEngine

extension Chain {
    /// What is to be done about some drafts of the room.
    package enum Step: Sendable {
        /// Something must be read first.
        case needs(Need)
        case write(Plan)
    }

    package enum Need: Sendable, Equatable {
        /// Whether messages that are sent again are in this stretch of the log.
        case search(RetrySearch.Stretch)
        /// What kind of entry there is at a `seq`.
        case entry(UInt64)
        /// The times of the chunks behind a `seq`.
        case ages(after: UInt64)
    }

    /// What one write would do. The verdicts are true once it has been done, or at once if there is no chunk.
    package struct Plan: Sendable {
        /// For as many of the first drafts as the chunk takes.
        package var verdicts: [Verdict] = []
        package var chunk: Chunk?
        /// Entries of earlier chunks that are to be redacted in place.
        package var redactions: [UInt64] = []
    }

    /// What has been read for an append.
    package struct Findings: Sendable {
        package var search: RetrySearch?
        /// Nil: there is none.
        package var entries: [UInt64: MessageKind?] = [:]
        /// Whether some of what was to be searched is not there any more.
        package var isTorn = false
        /// Whether the floor has to wait for more to be read.
        package var isPatient = true

        package init(search: RetrySearch?) { self.search = search }
    }

    /// What to do about `drafts`, each with the reason why it may not go here, if there is one.
    /// - Parameter writer: random, for the chunk.
    package func plan(
        _ drafts: some Collection<(draft: Draft, refusal: Failure?)>, _ findings: Findings, kind: RoomKind,
        options: StoreOptions, at now: Timestamp, writer: [UInt8]
    ) -> Step {
        var draftsman = Draftsman(chain: self, findings: findings, options: options, now: now)
        for (draft, refusal) in drafts {
            if let refusal {
                draftsman.verdicts.append(.rejected(refusal))
            } else {
                switch draftsman.take(draft) {
                case .taken: break
                case .full: return finish(draftsman, kind, writer)
                case .needs(let need): return .needs(need)
                }
            }
        }
        return finish(draftsman, kind, writer)
    }

    private func finish(_ draftsman: Draftsman, _ kind: RoomKind, _ writer: [UInt8]) -> Step {
        var plan = Plan(verdicts: draftsman.verdicts, redactions: draftsman.redactions)
        guard !draftsman.entries.isEmpty else { return .write(plan) }
        var chunk = Chunk(
            first: head + 1, entries: draftsman.entries, at: draftsman.at, clock: draftsman.now, floor: floor,
            forgotten: 0, writer: writer)
        chunk.forgotten = draftsman.options.dedupeWindowMs > 0 ? window?.forgotten ?? 0 : chunk.last
        switch floor(kind, next: chunk, at: draftsman.now, isPatient: draftsman.findings.isPatient) {
        case .at(let floor): chunk.floor = floor
        case .unknown(let seq): return .needs(.ages(after: seq))
        }
        plan.chunk = chunk
        return .write(plan)
    }
}

/// Fills one chunk.
private struct Draftsman {
    let chain: Chain
    let findings: Chain.Findings
    let options: StoreOptions
    let now: Timestamp
    let at: Timestamp
    var verdicts: [Verdict] = []
    private(set) var entries: [Chunk.Entry] = []
    private(set) var redactions: [UInt64] = []
    private var bytes = 0
    private var written: [Window.Author: UInt64] = [:]

    enum Answer {
        case taken
        case full
        case needs(Chain.Need)
    }

    init(chain: Chain, findings: Chain.Findings, options: StoreOptions, now: Timestamp) {
        self.chain = chain
        self.findings = findings
        self.options = options
        self.now = now
        at = max(now, chain.lastAt ?? now)
    }

    private var next: UInt64 { chain.head + UInt64(entries.count) + 1 }

    mutating func take(_ draft: Draft) -> Answer {
        let author = Window.Author(sender: draft.sender, id: draft.id)
        if let known = chain.window?.find(author, at: now) { return repeated(known.seq, known.at) }
        if options.dedupeWindowMs > 0, let seq = written[author] { return repeated(seq, at) }
        if let since = draft.since, let answer = retry(draft, author, since) { return answer }
        let entry = Chunk.Entry(
            id: draft.id, sender: draft.sender, kind: draft.kind, content: draft.content, redacts: draft.redacts)
        let size = Chunk.size(entry)
        guard size <= Blocks.maxEntryBytes else {
            verdicts.append(.rejected(tooLarge(draft)))
            return .taken
        }
        guard next <= Blocks.end(of: Blocks.block(of: chain.head + 1)),
            entries.isEmpty || bytes + size <= Blocks.maxChunkBytes
        else { return .full }
        if let seq = draft.redacts, let answer = redact(seq) { return answer }
        written[author] = next
        verdicts.append(.stored(seq: next, at: at, duplicate: false))
        entries.append(entry)
        bytes += size
        return .taken
    }

    private mutating func repeated(_ seq: UInt64, _ at: Timestamp) -> Answer {
        verdicts.append(.stored(seq: seq, at: at, duplicate: true))
        return .taken
    }

    /// What a draft gets that was first sent when the log ended at `since`; nil if it is to be appended.
    private mutating func retry(_ draft: Draft, _ author: Window.Author, _ since: Position) -> Answer? {
        guard since.epoch == chain.epoch, since.seq >= chain.floor else { return refuse(expired(draft)) }
        if let seq = written[author], seq > since.seq { return repeated(seq, at) }
        if let known = chain.window?.find(author, after: since.seq) { return repeated(known.seq, known.at) }
        let stretch = RetrySearch.Stretch(after: since.seq, to: chain.window?.forgotten ?? chain.head)
        guard stretch.after < stretch.to else { return nil }
        guard stretch.to - stretch.after <= options.searchReach, !findings.isTorn, let search = findings.search else {
            return refuse(expired(draft))
        }
        guard search.cost(of: stretch) == 0 else { return .needs(.search(stretch)) }
        return search.place(of: draft, after: since.seq).map { repeated($0.seq, $0.at) }
    }

    /// Redacts the entry at `seq`, now if it is in this chunk and else later; nil if that can be.
    private mutating func redact(_ seq: UInt64) -> Answer? {
        let place = seq > chain.head ? Int(clamping: seq - chain.head - 1) : -1
        var kind: MessageKind?
        if place >= 0 {
            kind = place < entries.count ? entries[place].kind : nil
        } else if redactions.contains(seq) || chain.redactions[seq] != nil {
            kind = .redacted
        } else if seq > chain.floor {
            guard let found = findings.entries[seq] else { return .needs(.entry(seq)) }
            kind = found
        }
        if let refusal = RoomRules.refusalToRedact(kind, seq, in: chain.room) { return refuse(refusal) }
        if place >= 0 {
            entries[place].kind = .redacted
            entries[place].content = .null
        } else {
            redactions.append(seq)
        }
        return nil
    }

    private mutating func refuse(_ failure: Failure) -> Answer {
        verdicts.append(.rejected(failure))
        return .taken
    }

    private func expired(_ draft: Draft) -> Failure { RoomRules.retryExpired(draft.room) }

    private func tooLarge(_ draft: Draft) -> Failure {
        Failure(
            .tooLarge,
            "The message has \(draft.content.bytes.count) bytes and this store takes \(Blocks.maxEntryBytes / 1000) kB "
                + "at most; send a smaller one.")
    }
}
