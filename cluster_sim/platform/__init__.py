"""What a technology is and costs: protection records and cost profiles; no state."""
