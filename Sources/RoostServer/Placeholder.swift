enum RoostServerPlaceholder {}
