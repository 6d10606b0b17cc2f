"""From tables to statements: a run read once, compared with a baseline, answered in words; studies over many runs."""
