"""One sentence over all strata and groups of a run: its clauses, and how places and values are told in them."""
