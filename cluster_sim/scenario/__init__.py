"""What to simulate: typed definitions in YAML, checked as a whole, multiplied by axes into scenarios."""
