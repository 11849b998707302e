enum RoostBenchPlaceholder {}
