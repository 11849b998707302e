import RoostSimulation
import Testing

/// What a cluster asks of what it shares is what `Docs/scaling.md` says.
@Suite struct ScaleTests {
    @Test func whatIsCountedIsWhatIsComputed() {
        let scale = Scale(nodes: 8, users: 80)
        let outcome = scale.run()
        #expect(outcome.violation == nil)
        #expect(outcome.messages.done == 80 && outcome.reconnects.done > 0)
        for figure in scale.atRest(outcome) + scale.perMessage(outcome) {
            #expect(abs(figure.counted - figure.computed) <= max(0.1, 0.06 * figure.computed), "\(figure)")
        }
        // Some are back before their leaving has been told. Reads are too few to be compared.
        for figure in scale.perReconnect(outcome).prefix(2) {
            #expect(figure.counted <= figure.computed && figure.counted >= 0.6 * figure.computed, "\(figure)")
        }
    }
}
