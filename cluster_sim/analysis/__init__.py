"""From tables to statements: comparison with a baseline, one transfer explained."""
