enum RoostEnginePlaceholder {}
