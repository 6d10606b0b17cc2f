"""A run read in one pass, however long: what charts and pages are drawn from."""
