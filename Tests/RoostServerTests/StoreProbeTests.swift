import RoostCore
import RoostEngine
import Testing

@testable import RoostServer

@Suite("Whether the store answers")
struct StoreProbeTests {
    /// A store whose calls wait until they are answered.
    fileprivate final class Store: Sendable {
        private let state = Locked((calls: 0, waiting: [CheckedContinuation<Bool, Never>](), isBack: false))

        var calls: Int { state.withLock { $0.calls } }

        func ask() async -> Bool {
            await withCheckedContinuation { call in
                let isBack = state.withLock { state in
                    state.calls += 1
                    if !state.isBack { state.waiting.append(call) }
                    return state.isBack
                }
                if isBack { call.resume(returning: true) }
            }
        }

        /// From now on it answers at once.
        func comeBack() {
            let waiting = state.withLock { state in
                defer { (state.waiting, state.isBack) = ([], true) }
                return state.waiting
            }
            for call in waiting { call.resume(returning: true) }
        }

        /// Waits for a call and answers it.
        func answer(_ isThere: Bool) async {
            while true {
                if let call = state.withLock({ $0.waiting.popLast() }) { return call.resume(returning: isThere) }
                await Task.yield()
            }
        }
    }

    @Test(arguments: [true, false]) func whatTheStoreSaysIsToldToAllWhoAsk(_ isThere: Bool) async {
        let store = Store()
        let probe = StoreProbe { await store.ask() }
        async let answers = withTaskGroup(of: Bool.self) { group in
            for _ in 0..<5 { group.addTask { await probe.isThere(within: .seconds(60)) } }
            await probe.hasWaiters(5)
            await store.answer(isThere)
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(await answers == [Bool](repeating: isThere, count: 5))
        #expect(store.calls == 1)
    }

    @Test func aSilentStoreIsAwayUntilItAnswers() async {
        let store = Store()
        let probe = StoreProbe { await store.ask() }
        // The first waits for as long as its patience lasts, the next need not.
        for _ in 0..<3 {
            let isThere = await probe.isThere(within: .milliseconds(5))
            #expect(!isThere)
        }
        while store.calls == 0 { await Task.yield() }
        #expect(store.calls == 1)
        store.comeBack()
        // As often as it takes: here, too, an answer may be late.
        while await !probe.isThere(within: .milliseconds(5)) { await Task.yield() }
        #expect(store.calls > 1)
    }
}

extension StoreProbeTests {
    @Test func whoHasMorePatienceHearsOfASlowStore() async {
        let store = Store()
        let probe = StoreProbe { await store.ask() }
        async let patient = probe.isThere(within: .seconds(60))
        await probe.hasWaiters(1)
        let hasty = await probe.isThere(within: .milliseconds(5))
        #expect(!hasty)
        await store.answer(true)
        #expect(await patient)
        #expect(store.calls == 1)
    }
}

extension StoreProbe {
    fileprivate func hasWaiters(_ count: Int) async {
        while waiters.count < count { await Task.yield() }
    }
}
