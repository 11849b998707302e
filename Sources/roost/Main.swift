import ArgumentParser
@main struct Roost: ParsableCommand {}
