enum RoostSQLitePlaceholder {}
