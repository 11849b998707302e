enum RoostHubPlaceholder {}
