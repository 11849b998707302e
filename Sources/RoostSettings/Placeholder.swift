enum RoostSettingsPlaceholder {}
