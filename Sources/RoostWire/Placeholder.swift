enum RoostWirePlaceholder {}
