"""What people read: terminal tables of comparisons and explanations."""
