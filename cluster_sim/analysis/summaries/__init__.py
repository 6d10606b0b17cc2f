"""A run's tables summed up in one pass each: what charts and pages show."""
