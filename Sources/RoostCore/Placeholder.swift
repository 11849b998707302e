enum RoostCorePlaceholder {}
